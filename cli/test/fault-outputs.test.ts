import { link, lstat, mkdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { seal } from "blindreel";
import { beforeEach, describe, expect, it } from "vitest";
import { safeFileName } from "../src/file-details.js";
import { expectFailure, pattern, workspace } from "./helpers.js";

const space = workspace();
const content = pattern(1000);
const exists = { exit: 13, code: "output-exists", message: /exists already and was left as it is/ };
const isRead = {
  exit: 2,
  code: "usage",
  message: /^the output .* is (the|an) .*; choose another name with -o$/,
};

/** A sealed file `x.reel` with this name in its metadata. */
async function named(name: string): Promise<void> {
  const to = await space.recipient(space.keys.public);
  await space.write("x.reel", await seal(content, { to, metadata: { file: { name } } }));
}

describe("fault C1: a sealed name", () => {
  it.each([
    ["the private key in use", "key.jwk", () => writeKey("key.jwk")],
    ["the private key, in a folder", "../.././key.jwk", () => writeKey("key.jwk")],
    ["a link to it", "link", () => symlink("key.jwk", space.path("link"))],
    ["any file", "precious", () => space.write("precious", "precious")],
    ["a link to nothing", "link", () => symlink("nowhere", space.path("link"))],
    ["a link out of the folder", "link", () => symlink("/tmp/blindreel-nowhere", space.path("link"))],
    ["a folder", "sub", () => mkdir(space.path("sub"))],
    ["a device", "null", () => symlink("/dev/null", space.path("null"))],
    ["the input", "x.reel", async () => {}],
  ])("of %s never replaces it, not with --force either", async (_what, name, prepare) => {
    await writeKey("key.jwk");
    await rm(space.path("link"), { force: true });
    await prepare();
    await named(name);
    const before = await contents();
    const { code, stderr } = await space.run(["open", "-i", "key.jwk", "--force", "x.reel"]);
    expect(code).toBe(13);
    expect(stderr).toMatch(/exists already and was left as it is; give another name with -o/);
    expect(await contents()).toEqual(before);
  });

  const odd: [string, string | undefined][] = [
    ["COM¹.txt", "_COM¹.txt"],
    ["lpt9", "_lpt9"],
    ["NUL .webm", "_NUL .webm"],
    ["CONIN$", "CONIN_"],
    ["a.webm:stream", "a.webm_stream"],
    ["desktop.ini", "_desktop.ini"],
    ["...", undefined],
    [" . ", undefined],
    ["\u200b\u2060.bashrc", "__.bashrc"],
    ["\u0301e", "e"],
    ["\u3164", "_"],
    ["$(reboot).webm", "_(reboot).webm"],
    ["`id`;x|y&z", "_id__x_y_z"],
    ["a\nb\tc", "a_b_c"],
    ["--output=x", "output=x"],
    ["~root", "_root"],
    ["PROGRA~1", "PROGRA_1"],
    ["\ufeffkey.jwk", "_key.jwk"],
    ["\ud800x", "_x"],
    ["\u{e0041}\u{f0000}x", "__x"],
    ["..\\..\\x", "x"],
    ["x\u2028y\u202ez", "x_y_z"],
    ["%APPDATA%", "_APPDATA_"],
    ["'quoted\"", "_quoted_"],
  ];
  it.each(odd)("%j becomes %j", (name, expected) => expect(safeFileName(name)).toBe(expected));

  it("that is taken while the file is opened is left to who took it", async () => {
    await named("late.webm");
    await space.write(
      "x.reel",
      await seal(pattern(40 * 2 ** 20), {
        to: await space.recipient(space.keys.public),
        metadata: { file: { name: "late.webm" } },
      }),
    );
    const running = space.run(["open", "-i", space.keys.private, "--json", "x.reel"]);
    while (!(await space.files()).some((name) => name.endsWith(".partial")))
      await new Promise((next) => setTimeout(next, 2));
    await space.write("late.webm", "mine");
    await expectFailure(running, exists);
    expect((await space.read("late.webm")).toString()).toBe("mine");
    expect(await space.files()).toEqual(["late.webm", "x.reel"]);
  });
});

/** A private key of its own for the test, under a name in the folder. */
async function writeKey(name: string): Promise<void> {
  await writeFile(space.path(name), await readFile(space.keys.private));
}

/** Every name, and what is in it. */
async function contents(): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const name of await space.files()) {
    const stat = await lstat(space.path(name));
    all[name] = stat.isSymbolicLink()
      ? await readlink(space.path(name))
      : stat.isFile()
        ? (await space.read(name)).toString("hex")
        : `mode ${stat.mode}`;
  }
  return all;
}

describe("fault C1: an output that is a file which is read", () => {
  beforeEach(async () => {
    await space.fixture("a.webm", content);
    await writeKey("key.jwk");
    await writeFile(space.path("to.jwk"), await readFile(space.keys.public));
    await space.write("meta.json", "{}");
    await mkdir(space.path("sub"));
    for (const name of ["key.jwk", "to.jwk", "meta.json", "a.webm", "a.webm.reel"]) {
      await link(space.path(name), space.path(`hard-${name}`));
      await symlink(name, space.path(`soft-${name}`));
    }
    await symlink(".", space.path("here"));
  });

  const opening = ["open", "-i", "key.jwk", "a.webm.reel"];
  const sealing = ["seal", "-r", "to.jwk", "--metadata", "meta.json", "a.webm"];
  const wrapping = ["rewrap", "-i", "key.jwk", "-r", "to.jwk", "a.webm.reel"];
  const cases: [string, string[]][] = [
    ...["key.jwk", "a.webm.reel"].map((name): [string, string[]] => [name, opening]),
    ...["to.jwk", "meta.json", "a.webm"].map((name): [string, string[]] => [name, sealing]),
    ...["key.jwk", "to.jwk", "a.webm.reel"].map((name): [string, string[]] => [name, wrapping]),
  ];

  // Each name under two spellings: all of them together under all.
  it.each(cases)("%s is refused under other names: %j", async (name, command) => {
    const before = await contents();
    const spellings = [`hard-${name}`, `soft-${name}`, `./sub/../${name}`, `here/${name}`];
    const place = cases.findIndex(([, other]) => other === command) + name.length;
    for (const spelling of [spellings[place % 2]!, spellings[2 + (place % 2)]!]) {
      await expectFailure(space.run([...command, "--force", "-o", spelling, "--json"]), isRead);
    }
    expect(await contents()).toEqual(before);
  });

  it.each([
    ["a key", "open -i key.jwk -o - a.webm.reel", "key.jwk"],
    ["the input", "rewrap -i key.jwk -r to.jwk -o - a.webm.reel", "a.webm.reel"],
    ["the input of a report", "inspect a.webm.reel", "a.webm.reel"],
    ["standard input", "seal -r to.jwk -o - - < a.webm", "a.webm"],
    ["a key, by another name of standard output", "open -i key.jwk -f -o /dev/stdout a.webm.reel", "key.jwk"],
  ])("standard output is not appended to %s", async (_what, command, file) => {
    const before = await contents();
    const { code, stderr } = await space.run([], { shell: `"$0" "$1" ${command} >> ${file}` });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/standard output is the/) });
    expect(await contents()).toEqual(before);
  });

  it("is refused where it became one only at the end", async () => {
    await space.write(
      "long.reel",
      await seal(pattern(40 * 2 ** 20), { to: await space.recipient(space.keys.public) }),
    );
    await space.write("out", "old");
    const running = space.run(["open", "-i", "key.jwk", "--force", "-o", "out", "--json", "long.reel"]);
    while (!(await space.files()).some((name) => name.endsWith(".partial")))
      await new Promise((next) => setTimeout(next, 2));
    await rm(space.path("out"));
    await link(space.path("key.jwk"), space.path("out"));
    await expectFailure(running, isRead);
    expect((await space.read("out")).equals(await space.read("key.jwk"))).toBe(true);
  });

  it("in place, a link to a key is no input", async () => {
    await expectFailure(
      space.run(["rewrap", "-i", "key.jwk", "-r", "to.jwk", "--in-place", "soft-key.jwk", "--json"]),
      {
        exit: 3,
        code: "not-an-envelope",
        message: /soft-key/,
      },
    );
  });

  it("a key in the command line is refused and not repeated", async () => {
    const key = (await space.read("key.jwk")).toString();
    for (const command of [
      ["open", "-i", key, "a.webm.reel"],
      ["seal", "-r", key, "a.webm"],
    ]) {
      const result = await space.run(command);
      expect(result.code).toBe(2);
      expect(result.stderr).toMatch(/^blindreel: a key is given as the name of its file/);
      expect(result.stderr).not.toContain(JSON.parse(key).d);
    }
  });

  it("standard input is read once", async () => {
    const args = ["open", "-i", "-", "-o", "x", "-", "--json"];
    const message = /standard input can be read only once/;
    await expectFailure(space.run(args, { stdin: await space.read("key.jwk") }), {
      exit: 2,
      code: "usage",
      message,
    });
  });
});
