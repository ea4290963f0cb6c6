import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { seal } from "blindreel";
import { describe, expect, it } from "vitest";
import { printable } from "../src/text.js";
import { pattern, type Result, workspace } from "./helpers.js";
import { storeRecording } from "./recordings.js";

const space = workspace();

/** Clears the screen, sets the title, moves lines, turns text around, hides it, and ends lines of its own. */
const EVIL = "\u001b[2J\u001b]0;title\u0007\u009b31m\u007f\u202egnp\u2066\u200b\u2028x\r\ny\b";
/** The same for a file name's component. */
const EVIL_NAME = `evil${EVIL.replace("/", "")}`;
const UNSAFE = /(?!\n)[\p{Cc}\p{Cf}\u2028\u2029\u3164]/u;

function expectSafe({ stdout, stderr }: Result, pattern?: RegExp): void {
  const text = stdout.toString() + stderr;
  expect(text).not.toMatch(UNSAFE);
  if (pattern) expect(text).toMatch(pattern);
}

describe("fault C4: what a file, a server or a name holds is escaped", () => {
  it("in messages about names", async () => {
    await space.write(EVIL_NAME, "content");
    await mkdir(space.path(`folder${EVIL}`));
    await space.write(`folder${EVIL}/${EVIL_NAME}`, "content");
    const { private: k, public: p } = space.keys;
    const commands = [
      ["inspect", EVIL_NAME],
      ["inspect", `no-${EVIL}`],
      ["open", "-i", k, EVIL_NAME],
      ["open", "-i", EVIL_NAME, "x"],
      ["open", "-i", k, "-o", EVIL_NAME, "x"],
      ["seal", "-r", p, "-o", `out${EVIL}`, EVIL_NAME],
      ["seal", "-r", p, "-o", EVIL_NAME, "-f", EVIL_NAME],
      ["seal", "-r", p, "--metadata", EVIL_NAME, EVIL_NAME],
      ["seal", "-r", p, "--expires", EVIL, EVIL_NAME],
      ["rewrap", "-i", k, "-r", p, "-o", "x", EVIL_NAME],
      ["verify", "-i", k, EVIL_NAME],
      ["verify", "-i", k, `folder${EVIL}`],
      ["audit", `folder${EVIL}`],
      ["audit", EVIL_NAME],
      ["keygen", "-o", `key${EVIL}`],
      [`command${EVIL}`],
      ["seal", `--option${EVIL}`],
      ["open", "-i", k, "--range", EVIL, "x"],
    ];
    // Every other one as JSON.
    const results = await Promise.all(
      commands.map((args, i) => space.run(i % 2 ? [...args, "--json"] : args)),
    );
    for (const result of results) expectSafe(result);
    expect(results.filter(({ stdout, stderr }) => /\\u\{?0*1b/.test(stdout + stderr)).length).toBeGreaterThan(
      12,
    );
  });

  it("in metadata", async () => {
    const to = await space.recipient(space.keys.public);
    const metadata = { file: { name: "x" }, candidate: EVIL, [EVIL]: [EVIL] };
    await space.write("x.reel", await seal(pattern(10), { to, metadata }));
    expectSafe(
      await space.ok(["open", "-i", space.keys.private, "-o", "a", "x.reel"]),
      /candidate.*u001b\[2J/,
    );
    const report = await space.json(["open", "-i", space.keys.private, "-o", "b", "x.reel"]);
    expect(report.metadata).toEqual(metadata);
  });

  it("in a recording's tracks, for names of files as well", async () => {
    const to = await space.recipient(space.keys.public);
    const { folder } = await storeRecording(space.path("store"), {
      to,
      names: [`../${EVIL}`, `CAM${EVIL}/../con`],
    });
    for (const json of [[], ["--json"]])
      expectSafe(await space.run(["verify", "-i", space.keys.private, folder, ...json]));
    const opened = await space.run(["open", "-i", space.keys.private, "-o", "takes", folder]);
    expectSafe(opened, /_con-0/);
    expect(opened.code).toBe(0);
    const names = await space.files();
    expect(names).toEqual(["store", "takes"]);
    const unknown = await space.run(["open", "-i", space.keys.private, "-o", "t", "--track", "nope", folder]);
    expectSafe(unknown, /has no track/);
  });

  it("in names below a recording's folder, and in what a server says", async () => {
    const to = await space.recipient(space.keys.public);
    const { folder } = await storeRecording(space.path("store"), { to });
    await space.write(`${folder}/manifest-0000000${EVIL.replaceAll("\n", "")}`, "x");
    await space.write(`${folder}/0001/00000009.seg`, "x");
    expectSafe(await space.run(["verify", "-i", space.keys.private, folder]), /00000009\.seg/);
    const server = createServer((_request, response) => {
      response.socket!.end(
        "HTTP/1.1 500 \u001b[2J evil\r\ncontent-type: \u001b[31m\r\nlocation: \u001b]0;x\u0007\r\n\r\n\u001b[2J",
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const result = await space.run(["verify", "-i", space.keys.private, address]);
    server.close();
    expectSafe(result, /^blindreel: /);
    expect(result.code).toBe(12);
  });

  it("and can be told apart", () => {
    expect(printable("a\u001b[2Jb\u202e\u{e0041}\ufe0f\u3164")).toBe(
      "a\\u{1b}[2Jb\\u{202e}\\u{e0041}\\u{fe0f}\\u{3164}",
    );
    expect(printable("Prüfung 試験 🎥.webm")).toBe("Prüfung 試験 🎥.webm");
  });
});

describe("fault C4: content", () => {
  const hasTerminal = (() => {
    try {
      return execFileSync("script", ["-qec", "true", "/dev/null"]).length === 0;
    } catch {
      return false;
    }
  })();

  it("can be tested here", () => {
    if (!hasTerminal) console.warn("there is no command script: the test with a terminal did not run");
    expect(hasTerminal || !process.env.CI, "CI must run the test with a terminal").toBe(true);
  });

  it.skipIf(!hasTerminal)("is not written to a terminal", async () => {
    const to = await space.recipient(space.keys.public);
    await space.write("x.reel", await seal(new TextEncoder().encode(EVIL), { to }));
    const { private: k, public: p } = space.keys;
    for (const command of [
      `open -i ${k} -o - x.reel`,
      `open -i ${k} -o /dev/tty x.reel`,
      `rewrap -i ${k} -r ${p} -o /dev/stdout x.reel`,
      `seal -r ${p} - < x.reel`,
    ]) {
      const shell = `script -qec "$0 $1 ${command}" /dev/null < /dev/null`;
      const { code, stdout } = await space.run([], { shell });
      expect({ code, stdout: stdout.toString() }).toEqual({
        code: 2,
        stdout: "blindreel: the output is not for a terminal: give a file name with -o, or pipe it on\r\n",
      });
    }
  });
});
