import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const DEMO = fileURLToPath(new URL("../../demo", import.meta.url));

const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith("blindreel-demo-"));

function runDemo(...args: string[]) {
  const env = { ...process.env, NO_COLOR: "1" };
  return promisify(execFile)(process.execPath, ["--import", "tsx", "main.ts", ...args], { cwd: DEMO, env });
}

it("the demo runs with the shipped recording, and everything in it holds", async () => {
  const before = leftovers();
  const { stdout, stderr } = await runDemo();
  expect(stderr).toBe("");
  for (const line of [
    /00000000: 424c 494e 4452 4545 4c +BLINDREEL +magic = BLINDREEL/,
    /[1-9] failed and were repeated/,
    /core: kind = 1: a recording/,
    /core: region = ca/,
    /first chunk: content, encrypted/,
    /Not visible without a key/,
    /✓ another institution's key fails: no-matching-key/,
    /✓ one bit of content, flipped, and the verdict is altered/,
    /✓ one segment, deleted, and the verdict is truncated/,
    /verdict {10}complete, pinned, 0 gaps; it ended by "submitted"/,
    /✓ what comes out is what went in/,
    /fetched to read {2}[1-9]/,
    /an excerpt of .*: track "screen", segments 0, /,
    /✓ it opens without a key/,
    /✓ the receipt is this recording's/,
    /seal {2}\d+ MB\/s/,
    /open {2}\d+ MB\/s/,
    /Everything that must hold, held\.\nTo review this recording in a browser, run this and follow what it prints: npm run reviewer\n$/,
  ]) {
    expect(stdout).toMatch(line);
  }
  // The dump shows the bytes as they are: the key id on the wire is the one that was printed.
  const keyId = /key id +([0-9a-f]{32})/.exec(stdout)![1]!;
  expect(stdout).toContain(`${keyId.match(/..../g)!.join(" ")}  `);
  expect(stdout).not.toContain("\u001b[");
  expect(leftovers()).toEqual(before);
});

it("a file that is not there ends it with a sentence and an exit code", async () => {
  await expect(runDemo("nowhere.webm")).rejects.toMatchObject({
    code: 1,
    stderr: "\ndemo: there is no file nowhere.webm\n",
  });
});
