import { describe, expect, it } from "vitest";
import { CHUNK, expectFailure, flipped, pattern, workspace } from "./helpers.js";

const space = workspace();
const content = pattern(150 * CHUNK + 100);
const threads = ["--threads", "2"];

describe("--threads", () => {
  it("seals and opens from one file to another, to the sealed name as well", async () => {
    await space.write("a.webm", content);
    const to = ["-r", space.keys.public];
    const sealed = await space.json(["seal", ...threads, ...to, "--padding", "padme", "a.webm"]);
    const { length } = await space.read("a.webm.reel");
    expect(sealed).toMatchObject({ inputBytes: content.length, outputBytes: length });
    const open = ["open", "-i", space.keys.private];
    await space.ok([...open, "-o", "one", "a.webm.reel"]);
    const opened = await space.json([...open, ...threads, "-o", "two", "a.webm.reel"]);
    expect(opened).toMatchObject({ recordingId: sealed.recordingId, outputBytes: content.length });
    for (const name of ["one", "two"]) expect((await space.read(name)).equals(content)).toBe(true);
  });

  it("ends as without, and leaves nothing", async () => {
    const file = await space.fixture("a.webm", content);
    const before = await space.files();
    const cases = [
      [flipped(file, file.length - 70 * CHUNK), 7, "authentication-failed", /altered/],
      [file.subarray(0, file.length - 50), 4, "truncated", /cut off/],
      [file.subarray(0, file.length - 110), 4, "truncated", /cut off/],
    ] as const;
    for (const [bytes, exit, code, message] of cases) {
      await space.write("in.reel", bytes);
      const args = ["open", ...threads, "-i", space.keys.private, "-o", "back", "--json", "in.reel"];
      await expectFailure(space.run(args), { exit, code, message });
      expect(await space.files()).toEqual([...before, "in.reel"].sort());
    }
    const open = ["open", ...threads, "-i", space.keys.private, "--json"];
    const other = { exit: 17, code: "unexpected-recording", message: /not what was expected/ };
    await expectFailure(
      space.run([...open, "--expected", "0".repeat(64), "-o", "back", "a.webm.reel"]),
      other,
    );
    const exists = { exit: 13, code: "output-exists", message: /a.webm exists already/ };
    await expectFailure(space.run([...open, "a.webm.reel"]), exists);
    const seal = ["seal", ...threads, "-r", space.keys.public, "-o", "x.reel", "--json"];
    const changed = {
      exit: 12,
      code: "input-changed",
      message: /it had 0 bytes at first and more at the end/,
    };
    await expectFailure(space.run([...seal, "/proc/self/status"]), changed);
    expect(await space.files()).toEqual([...before, "in.reel"].sort());
  });

  it("is a number of threads that a pool can have, and not for recordings", async () => {
    for (const count of ["0", "65", "two"]) {
      const refused = { exit: 2, code: "usage", message: /threads/ };
      await expectFailure(space.run(["seal", "--threads", count, "-r", "x", "--json", "x"]), refused);
    }
    const refused = { exit: 2, code: "usage", message: /^--threads is not for a recording/ };
    await expectFailure(space.run(["open", ...threads, "-i", "x", "--json", space.folder]), refused);
  });

  it("is as nothing for pipes", async () => {
    const { stdout } = await space.run(["seal", ...threads, "-r", space.keys.public, "-"], {
      stdin: content,
    });
    const open = ["open", ...threads, "-i", space.keys.private, "-o", "-", "-"];
    const { code, stdout: opened } = await space.run(open, { stdin: stdout });
    expect(code).toBe(0);
    expect(opened.equals(content)).toBe(true);
  });
});
