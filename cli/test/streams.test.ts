import { readFile } from "node:fs/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { CHUNK, finished, flipped, pattern, start, workspace } from "./helpers.js";

const space = workspace();
const content = pattern(6 * CHUNK + 100);
let file: Uint8Array;

beforeEach(async () => {
  file = await space.fixture("a.webm", content);
});

describe("standard input and output", () => {
  it("seal, rewrap, inspect and open work as a pipeline", async () => {
    const sealed = await space.run(["seal", "-r", space.keys.public, "-"], { stdin: content });
    expect(sealed.stderr).toMatch(/^sealed standard input to standard output/);
    const rewrapping = ["rewrap", "-i", space.keys.private, "-r", space.keys.otherPublic, "-o", "-", "-"];
    const rewrapped = await space.run(rewrapping, { stdin: sealed.stdout });
    expect(rewrapped.code).toBe(0);
    const inspected = await space.json(["inspect", "-"], { stdin: rewrapped.stdout });
    expect(inspected).toMatchObject({
      file: null,
      size: rewrapped.stdout.length,
      epoch: 1,
      content: { plaintextLength: content.length },
    });
    const opening = ["open", "-i", space.keys.otherPrivate, "-o", "-", "--json", "-"];
    const opened = await space.run(opening, { stdin: rewrapped.stdout });
    expect(Buffer.compare(opened.stdout, content)).toBe(0);
    // Nothing is known of a pipe's name, and the report makes way for the content.
    expect(JSON.parse(opened.stderr)).toMatchObject({
      output: "-",
      metadata: null,
      outputBytes: content.length,
    });
    expect(await space.files()).toEqual(["a.webm", "a.webm.reel"]);
  });

  it("a redirected file is as good as a pipe", async () => {
    const args = ["open", "-i", space.keys.private, "-o", "-", "-"];
    const { code } = await space.run(args, { shell: '"$0" "$@" < a.webm.reel > back' });
    expect(code).toBe(0);
    expect(Buffer.compare(await space.read("back"), content)).toBe(0);
  });

  it("a named pipe is read like a file", async () => {
    const args = ["seal", "-r", space.keys.public, "-o", "out.reel"];
    const { code, stderr } = await space.run(args, { shell: '"$0" "$@" <(cat a.webm)' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    await space.ok(["open", "-i", space.keys.private, "-o", "back", "out.reel"]);
    expect(Buffer.compare(await space.read("back"), content)).toBe(0);
  });

  it.each([
    ["altered", () => flipped(file, -1 - 100 - 16 - 2 * (CHUNK + 16)), 7, "authentication-failed", 3 * CHUNK],
    [
      "altered in its first chunk",
      () => flipped(file, file.length - content.length),
      7,
      "authentication-failed",
      0,
    ],
    ["cut off", () => file.subarray(0, -100), 4, "truncated", 6 * CHUNK],
  ])(
    "an input that is %s gives an authenticated prefix and its exit code",
    async (_what, bad, exit, code, least) => {
      await space.write("bad.reel", bad());
      const { stdout, stderr, ...result } = await space.run([
        ...["open", "-i", space.keys.private, "-o", "-", "--json", "bad.reel"],
      ]);
      const { error } = JSON.parse(stderr);
      expect({ exit: result.code, code: error.code }).toEqual({ exit, code });
      expect(stdout.length % CHUNK).toBe(0);
      expect(stdout.length).toBeLessThanOrEqual(least);
      expect(Buffer.compare(stdout, content.subarray(0, stdout.length))).toBe(0);
      if (stdout.length > 0)
        expect(error.message).toContain("an authenticated beginning of the content, not all");
    },
  );

  it("a long input that fails in the middle gives the true beginning, and says so", async () => {
    const long = pattern(3 * 2 ** 20);
    const sealed = await space.fixture("long.webm", long);
    await space.write("bad.reel", flipped(sealed, sealed.length - 2 ** 20));
    const { code, stdout, stderr } = await space.run([
      "open",
      "-i",
      space.keys.private,
      "-o",
      "-",
      "bad.reel",
    ]);
    expect(code).toBe(7);
    expect(stdout.length).toBeGreaterThan(2 ** 20);
    expect(Buffer.compare(stdout, long.subarray(0, stdout.length))).toBe(0);
    expect(stderr).toContain(`The ${stdout.length.toLocaleString("en-US")} bytes`);
    expect(stderr).toContain(
      "on standard output are an authenticated beginning of the content, not all of it",
    );
  });

  it("a cut pipe cannot be told from an altered one, and fails all the same", async () => {
    const args = ["open", "-i", space.keys.private, "-o", "back", "--json", "-"];
    const { code, stderr } = await space.run(args, { stdin: file.subarray(0, -100) });
    expect([4, 7]).toContain(code);
    expect(["truncated", "authentication-failed"]).toContain(JSON.parse(stderr).error.code);
    expect(await space.files()).toEqual(["a.webm", "a.webm.reel"]);
  });

  it("--range needs a file", async () => {
    const args = ["open", "-i", space.keys.private, "--range", "0-1", "-o", "x", "-"];
    const { code, stderr } = await space.run(args, { stdin: file });
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--range needs a file"),
    });
  });

  it.each([[[]], [["--json"]]])("a reader that stops early ends it quietly %j", async (json) => {
    await space.fixture("long.webm", pattern(3 * 2 ** 20));
    const child = start(["open", "-i", space.keys.private, "-o", "-", ...json, "long.webm.reel"], {
      cwd: space.folder,
    });
    child.stdout!.once("data", () => child.stdout!.destroy());
    const { code, stderr } = await finished(child);
    const message = "the reader of standard output stopped before the end";
    const said = json.length > 0 ? `${JSON.stringify({ error: { code: "reader-gone", message } })}\n` : "";
    expect({ code, stderr }).toEqual({ code: 141, stderr: said });
  });
});

describe("the terminal", () => {
  it("shows no progress where standard error is no terminal", async () => {
    await space.fixture("long.webm", pattern(24 * 2 ** 20));
    const { code, stderr } = await space.run(["seal", "-r", space.keys.public, "-o", "x.reel", "long.webm"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("docs and help print the same table of exit codes", async () => {
    const help = (await space.ok(["--help"])).stdout.toString();
    const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
    const inHelp = [...help.matchAll(/^ +(\d+) {2}(.+)$/gm)].map(([, code, meaning]) => `${code} ${meaning}`);
    const inReadme = [...readme.matchAll(/^\| (\d+) \| (.+?) +\|/gm)].map(
      ([, code, meaning]) => `${code} ${meaning}`,
    );
    expect(inHelp.length).toBeGreaterThan(15);
    expect(inReadme).toEqual(inHelp);
  });

  it.each(["keygen", "seal", "open", "inspect", "rewrap", "verify", "excerpt", "audit"])(
    "%s --help has examples",
    async (command) => {
      const help = (await space.ok([command, "--help"])).stdout.toString();
      expect(help).toMatch(new RegExp(`^Usage: blindreel ${command}(\\|\\w+)? `));
      expect(help).toContain(`Examples:\n  $ blindreel ${command}`);
    },
  );

  it("--version prints the version of the package", async () => {
    const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
    expect((await space.ok(["--version"])).stdout.toString()).toBe(`${version}\n`);
  });
});
