import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { BIN, pattern, workspace } from "./helpers.js";

const space = workspace();

const LENGTH = 224 * 2 ** 20;
/** Node and the program take about 65 MiB; the rest is buffers, whatever the file's length. */
const CEILING = 160 * 2 ** 20;

/** Runs the program inside a process that reports its own peak of resident memory behind the report. */
async function peakOf(args: string[]): Promise<number> {
  const module = pathToFileURL(BIN).href;
  const script =
    `process.on("exit", () => require("fs").writeSync(2, String(process.resourceUsage().maxRSS)));` +
    `import(${JSON.stringify(module)});`;
  const shell = `node="$0"; shift; "$node" -e '${script}' -- "$@"`;
  const { code, stderr } = await space.run(args, { shell });
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^\d+$/) });
  return Number(stderr) * 1024;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest("hex");
}

it("seals, rewraps and opens a long file in little memory", async () => {
  const block = pattern(2 ** 20);
  const file = await open(space.path("long.webm"), "w");
  for (let done = 0; done < LENGTH; done += block.length) await file.write(block);
  await file.close();
  const { public: to, private: identity } = space.keys;

  const peaks = {
    seal: await peakOf(["seal", "-r", to, "--json", "long.webm"]),
    rewrap: await peakOf(["rewrap", "-i", identity, "-r", to, "-o", "new.reel", "--json", "long.webm.reel"]),
    open: await peakOf(["open", "-i", identity, "-o", "back", "--json", "new.reel"]),
  };
  for (const [command, peak] of Object.entries(peaks)) expect(peak, command).toBeLessThan(CEILING);
  expect(await hashOf(space.path("back"))).toBe(await hashOf(space.path("long.webm")));
});
