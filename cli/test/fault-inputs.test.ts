import { open as openFile, rename, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { seal } from "blindreel";
import { describe, expect, it } from "vitest";
import { parseExpiry, parseTime } from "../src/options.js";
import { createProgram } from "../src/program.js";
import { finished, pattern, start, workspace } from "./helpers.js";

const space = workspace();
const LENGTH = 4 * 2 ** 20;
const CONTENT = pattern(LENGTH);

/** Changes a file of which the program has read a part: its output is not read, so it waits. */
const changes: [string, (path: string) => Promise<void>][] = [
  ["at the same size", (path) => overwrite(path)],
  [
    "at the same size and time",
    async (path) => {
      const { atime, mtime } = await stat(path);
      await overwrite(path);
      await utimes(path, atime, mtime);
    },
  ],
  ["in its length", (path) => writeFile(path, "more", { flag: "a" })],
  ["to be shorter", (path) => truncate(path, LENGTH - 1)],
  [
    "to another file",
    async (path) => {
      await writeFile(`${path}.new`, CONTENT);
      await rename(`${path}.new`, path);
    },
  ],
];

async function overwrite(path: string): Promise<void> {
  const file = await openFile(path, "r+");
  await file.write("changed", LENGTH - 10);
  await file.close();
}

describe("fault C6: an input that changes", () => {
  const commands: [string, () => string[]][] = [
    ["seal", () => ["seal", "-r", space.keys.public, "-o", "-", "big"]],
    ["rewrap", () => ["rewrap", "-i", space.keys.private, "-r", space.keys.public, "-o", "-", "big"]],
  ];

  it.each(
    commands.flatMap(([name, args]) => changes.map(([how, change]) => [name, how, args, change] as const)),
  )("while %s reads it, %s, is refused", async (name, _how, args, change) => {
    const to = await space.recipient(space.keys.public);
    await space.write("big", name === "seal" ? CONTENT : await seal(CONTENT, { to }));
    const child = start(args(), { cwd: space.folder });
    await new Promise((resolve) => child.stdout!.once("readable", resolve));
    await change(space.path("big"));
    const { code, stderr } = await finished(child);
    expect([4, 12]).toContain(code);
    expect(stderr).toMatch(/big changed while it was read|big is cut off/);
  });

  it("without end leaves no output", async () => {
    await space.write("big", CONTENT);
    let isOver = false;
    const writing = (async () => {
      for (; !isOver; await new Promise((next) => setTimeout(next, 1))) await overwrite(space.path("big"));
    })();
    const { code, stderr } = await space.run(["seal", "-r", space.keys.public, "big"]);
    isOver = true;
    await writing;
    expect({ code, stderr }).toEqual({
      code: 12,
      stderr: expect.stringContaining("its time of change is another"),
    });
    expect(await space.files()).toEqual(["big"]);
  });

  it("in front of a redirection is refused", async () => {
    await space.write("big", CONTENT);
    const args = ["seal", "-r", space.keys.public, "-o", "-", "-"];
    const child = start(args, { cwd: space.folder, shell: '"$0" "$@" < big' });
    await new Promise((resolve) => child.stdout!.once("readable", resolve));
    await overwrite(space.path("big"));
    expect((await finished(child)).code).toBe(12);
  });

  it("before a rewrap in place is left as it is now", async () => {
    const to = await space.recipient(space.keys.public);
    const sealed = await seal(new Uint8Array(30 * 2 ** 20), { to });
    const rewrap = ["rewrap", "-i", space.keys.private, "-r", space.keys.public, "--in-place", "a.reel"];
    const codes: (number | null)[] = [];
    // One that is done before the file is replaced says nothing: on a busy machine, once more.
    while (codes.length < 5 && !codes.includes(12)) {
      await space.write("a.reel", sealed);
      const child = start(rewrap, { cwd: space.folder });
      const running = finished(child);
      while (child.exitCode === null && !(await space.files()).some((name) => name.endsWith(".partial")))
        await new Promise((next) => setTimeout(next, 2));
      await writeFile(space.path("new"), "newer");
      await rename(space.path("new"), space.path("a.reel"));
      codes.push((await running).code);
      expect((await space.read("a.reel")).toString()).toBe("newer");
      expect(await space.files()).toEqual(["a.reel"]);
    }
    expect(codes.at(-1)).toBe(12);
    for (const code of codes.slice(0, -1)) expect(code).toBe(0);
  });
});

describe("fault C6: times", () => {
  it.each([
    ["2099-01-31", "2099-01-31T00:00:00.000Z"],
    ["2096-02-29", "2096-02-29T00:00:00.000Z"],
    ["2099-01-31T12:00Z", "2099-01-31T12:00:00.000Z"],
    ["2099-01-31T12:00:30Z", "2099-01-31T12:00:30.000Z"],
    ["2099-01-31T12:00:30.000Z", "2099-01-31T12:00:30.000Z"],
    ["2099-01-31T23:30:00-01:30", "2099-02-01T01:00:00.000Z"],
    ["2099-01-31T00:00+00:00", "2099-01-31T00:00:00.000Z"],
  ])("%s is %s", (text, expected) => {
    expect(parseExpiry(text).toISOString()).toBe(expected);
    expect(parseTime(text).toISOString()).toBe(expected);
  });

  it.each([
    ["1h", 3_600_000],
    ["36h", 36 * 3_600_000],
    ["7d", 7 * 86_400_000],
    ["2w", 14 * 86_400_000],
  ])("%s is a duration", (text, milliseconds) => {
    expect(Math.abs(parseExpiry(text).getTime() - Date.now() - milliseconds)).toBeLessThan(1000);
  });

  it.each([
    ...[
      "2027-02-31",
      "2027-02-29",
      "2100-02-29",
      "2027-04-31",
      "2027-13-01",
      "2027-00-10",
      "2027-01-00",
      "2027-01-32",
    ],
    ...[
      "2099-1-1",
      "2099-01",
      "2099",
      "99-01-01",
      "20990101",
      "2099/01/01",
      "01/02/2099",
      "31.01.2099",
      "2099-W05",
    ],
    ...[
      "2099-01-31T12:00:00",
      "2099-01-31 12:00:00Z",
      "2099-01-31T12Z",
      "2099-01-31T24:00:00Z",
      "2099-01-31T12:60Z",
    ],
    ...[
      "2099-01-31T12:00:60Z",
      "2099-01-31t12:00:00z",
      "2099-01-31T12:00:00+0100",
      "2099-01-31T12:00:00+24:00",
    ],
    ...[
      "2099-01-31T12:00:00-00:00",
      "2099-01-31T12:00:00 GMT",
      "2099-01-31T12:00:00.1234Z",
      "2099-01-31Z",
      "+002099-01-31",
    ],
    ...[
      "Jan 31 2099",
      "tomorrow",
      "",
      " 2099-01-31",
      "2099-01-31 ",
      "2099-01-31\n",
      "２０９９-01-31",
      "4102444800",
      "NaN",
      "Infinity",
    ],
  ])("%j is no time", (text) => {
    expect(() => parseTime(text)).toThrow(/it is no time/);
    expect(() => parseExpiry(text)).toThrow(/neither a duration as 7d nor a date/);
  });

  it.each([
    "7",
    "7D",
    "07d",
    "0d",
    "-7d",
    "+7d",
    "1.5d",
    "7 d",
    "7days",
    "1y",
    "1m",
    "7d12h",
    "1e3d",
    "1000000d",
    "0x7d",
  ])("%j is no duration", (text) => expect(() => parseExpiry(text)).toThrow(/neither a duration/));

  it("an expiry has whole seconds and is to come", () => {
    expect(() => parseExpiry("2099-01-31T12:00:00.5Z")).toThrow(/whole seconds/);
    expect(() => parseExpiry("2020-01-31")).toThrow(/in the future/);
  });

  const wrong: [string[], RegExp][] = [
    [["seal", "-r", "K", "--expires", "2027-02-31", "a"], /--expires/],
    [["seal", "-r", "K", "--expires", "7d", "--expires", "9d", "a"], /given twice/],
    [["seal", "-r", "K", "-o", "x", "-o", "y", "a"], /given twice/],
    [["seal", "-r", "K", "-o", "", "a"], /a name is needed/],
    [["seal", "-r", "K", "--region", "ca\n", "a"], /a region has/],
    [["seal", "-r", "K", "--institution", `${"0".repeat(31)}g`, "a"], /32 hex digits/],
    [["seal", "-r", "K", "--padding", "Chunk", "a"], /Allowed choices/],
    [["open", "-i", "K", "--range", "0x10-20", "a"], /START-END/],
    [["open", "-i", "K", "--range", "010-20", "a"], /START-END/],
    [["open", "-i", "K", "--range", "1e3-", "a"], /START-END/],
    [["open", "-i", "K", "--range", "-5", "a"], /START-END/],
    [["open", "-i", "K", "--range", "0-99999999999999999999", "a"], /too large/],
    [["open", "-i", "K", "--expected", "abc", "a"], /64 hex digits/],
    [["open", "-i", "K", "--from", "2027-02-31T00:00Z", "a"], /it is no time/],
    [["open", "-i", "K", "--track", "camera", "a"], /--track is not for a file/],
    [
      ["excerpt", "-i", "K", "--track", "c", "--from", "2027-01-02", "--to", "2027-01-01", "-o", "x", "."],
      /later than/,
    ],
  ];
  it.each(wrong)(
    "are refused in every command, with other options that are not strict: %j",
    async (args, message) => {
      const real = args.map((arg) => (arg === "K" ? space.keys.public : arg));
      await expect(createProgram().parseAsync(real, { from: "user" })).rejects.toThrow(message);
    },
  );
});
