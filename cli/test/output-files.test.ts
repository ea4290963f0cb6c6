import { lstat, mkdir, symlink } from "node:fs/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { expectFailure, flipped, workspace } from "./helpers.js";

const space = workspace();
let file: Uint8Array;
let before: string[];

beforeEach(async () => {
  file = await space.fixture("a.webm", new Uint8Array(100));
  before = await space.files();
});

describe("an output that cannot be written", () => {
  const commands: [string, () => string[]][] = [
    ["seal", () => ["seal", "-r", space.keys.public, "a.webm"]],
    ["open", () => ["open", "-i", space.keys.private, "a.webm.reel"]],
    ["rewrap", () => ["rewrap", "-i", space.keys.private, "-r", space.keys.public, "a.webm.reel"]],
  ];

  it.each(commands)("%s leaves an existing file, unless forced", async (_name, args) => {
    await space.write("x", "precious");
    const command = [...args(), "-o", "x"];
    const message = /x exists already and was left as it is; pass --force/;
    await expectFailure(space.run([...command, "--json"]), { exit: 13, code: "output-exists", message });
    expect((await space.read("x")).toString()).toBe("precious");
    expect(await space.files()).toEqual([...before, "x"].sort());
    await space.ok([...command, "--force"]);
    expect((await space.read("x")).toString()).not.toBe("precious");
    expect(await space.files()).toEqual([...before, "x"].sort());
  });

  it.each(commands)("%s says why", async (_name, args) => {
    await mkdir(space.path("folder"));
    for (const [target, message] of [
      ["missing/x", /no such file or folder/],
      ["folder", /it is a directory/],
      ["a.webm/x", /not a folder/],
      ["n".repeat(300), /the name is too long/],
    ] as const) {
      const result = space.run([...args(), "-o", target, "--json"]);
      await expectFailure(result, { exit: 14, code: "output-unwritable", message });
    }
    expect(await space.files()).toEqual([...before, "folder"].sort());
  });

  it("a failed replacement leaves what was there", async () => {
    await space.write("x", "precious");
    await space.write("bad.reel", flipped(file, -1));
    const { code } = await space.run(["open", "-i", space.keys.private, "--force", "-o", "x", "bad.reel"]);
    expect(code).toBe(7);
    expect((await space.read("x")).toString()).toBe("precious");
    expect(await space.files()).toEqual([...before, "bad.reel", "x"].sort());
  });
});

describe("what is written through", () => {
  it("a symbolic link stays one, and its target is replaced", async () => {
    await space.write("target", "old");
    await symlink("target", space.path("link"));
    await space.ok(["open", "-i", space.keys.private, "--force", "-o", "link", "a.webm.reel"]);
    expect((await lstat(space.path("link"))).isSymbolicLink()).toBe(true);
    expect((await space.read("target")).length).toBe(100);
  });

  it("a device is written directly", async () => {
    await space.ok(["open", "-i", space.keys.private, "-o", "/dev/null", "a.webm.reel"]);
    expect((await lstat("/dev/null")).isCharacterDevice()).toBe(true);
  });
});
