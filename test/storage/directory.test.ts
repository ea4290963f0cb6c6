import { execFileSync } from "node:child_process";
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { directoryJournal } from "../../src/storage/directory.js";
import type { JournalChanges, OpenJournal } from "../../src/storage/store.js";
import { expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { failingDisk, watchedDirectory } from "./watched-fs.js";

const NAME = "0123456789abcdef0123456789abcdef";
const OTHER = "0123456789abcdef0123456789abcde0";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "blindreel-directory-"));
});
afterAll(() => rm(root, { recursive: true }));

const place = () => join(root, String(Math.random()));
const text = (value: Uint8Array): string => new TextDecoder().decode(value);
const bytes = (value: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(value));
const piece = (blob: string, offset: number, ...parts: string[]) => ({
  blob,
  offset,
  parts: parts.map(bytes),
});

/** A closed journal with two commits; returns where its second begins in the log. */
async function twoCommits(folder: string): Promise<number> {
  const journal = await directoryJournal(folder).create(NAME, { label: "exam" });
  await journal.commit({ records: [bytes("first"), bytes("second")], pieces: [piece("b", 0, "1")] });
  await journal.saveKeys({ readKey: bytes("k") });
  const { size } = await stat(join(folder, NAME, "facts"));
  await journal.commit({ records: [bytes("third"), bytes("fourth")] });
  await journal.close();
  return size;
}

describe("a directory", () => {
  it("is only its owner's, keys and all, and nothing is left of what was erased", async () => {
    const folder = place();
    const journal = await directoryJournal(folder).create(NAME, { label: "l" });
    await journal.commit({ pieces: [piece("x", 0, "x")], records: [bytes("f")] });
    await journal.saveKeys({ readKey: new Uint8Array(32).fill(1) });
    const modeOf = async (name: string) => ((await stat(join(folder, name))).mode & 0o777).toString(8);
    expect(await modeOf(NAME)).toBe("700");
    const names = await readdir(join(folder, NAME));
    expect(names.sort()).toEqual(["blob-x", "facts", "keys", "label", "lock"]);
    for (const name of names) expect([name, await modeOf(`${NAME}/${name}`)]).toEqual([name, "600"]);
    await journal.erase();
    expect(await readdir(folder)).toEqual([]);
  });

  it("drops a commit that a crash tore apart, at whatever byte, and writes on", async () => {
    const folder = place();
    const store = directoryJournal(folder);
    const before = await twoCommits(folder);
    const file = join(folder, NAME, "facts");
    const whole = await readFile(file);
    for (let cut = before; cut < whole.length; cut++) {
      for (const filler of [0, 300]) {
        await writeFile(file, Buffer.concat([whole.subarray(0, cut), Buffer.alloc(filler)]));
        const again = await store.open(NAME);
        expect(again.records.map(text)).toEqual(["first", "second"]);
        await again.journal.close();
        const anew = await store.open(NAME);
        await anew.journal.commit({ records: [bytes("5")] });
        await anew.journal.close();
        const third = await store.open(NAME);
        expect(third.records.map(text)).toEqual(["first", "second", "5"]);
        await third.journal.close();
      }
    }
  });

  it("fault J3: is discarded when damaged, its keys first, whatever stands in it", async () => {
    for (const damage of ["facts", "keys", "label", "lock"]) {
      const folder = place();
      const store = directoryJournal(folder);
      await twoCommits(folder);
      const file = join(folder, NAME, damage);
      const whole = await readFile(file).catch(() => Buffer.alloc(20));
      whole[18 % whole.length]! ^= 0xff;
      await writeFile(file, whole);
      const options = { takeOver: damage === "lock" };
      if (damage === "facts") await expectCode(() => store.open(NAME), "journal-damaged");
      // Nobody can tell whose lock that is.
      if (damage === "lock") await expectCode(() => store.discard(NAME), "journal-in-use");
      if (damage === "label") expect(await store.list()).toEqual([{ name: NAME, label: "" }]);
      if (damage === "keys") {
        const { journal } = await store.open(NAME);
        await expectCode(() => journal.keys(), "journal-damaged");
        await journal.close();
      }
      await store.discard(NAME, options);
      expect(await readdir(folder)).toEqual([]);
    }
    // Folders where files should be, and a disk without room for a lock.
    const folder = place();
    await mkdir(join(folder, NAME, "facts"), { recursive: true });
    await mkdir(join(folder, NAME, "lock"));
    await writeFile(join(folder, NAME, "keys"), "secret");
    await expectCode(() => directoryJournal(folder).open(NAME, { takeOver: true }), "storage-failed");
    const { store, arm } = failingDisk(folder, "ENOSPC", "needs room");
    arm(0);
    await store.discard(NAME, { takeOver: true });
    expect(await readdir(folder)).toEqual([]);
    // Where the rest cannot be removed, at least the keys are.
    await twoCommits(folder);
    const stuck = watchedDirectory(folder, (call) => {
      if (call === "rename") throw Object.assign(new Error("EACCES"), { code: "EACCES" });
    });
    await expectCode(() => stuck.discard(NAME), "storage-failed");
    expect((await readdir(join(folder, NAME))).sort()).toEqual(["blob-b", "facts", "label"]);
  });

  it("fault J4: reaches nothing outside the root", async () => {
    const folder = place();
    const precious = join(folder, "precious");
    await mkdir(precious, { recursive: true });
    const store = directoryJournal(join(folder, "journals"));
    for (const name of ["../precious", precious, "..", `../${NAME}`]) {
      await expectOutOfRange(() => store.discard(name));
      await expectOutOfRange(() => store.open(name));
      await expectOutOfRange(() => store.create(name, { label: "" }));
    }
    expect(await readdir(folder)).toEqual(["precious"]);
  });

  it("fault J6: lists what is a journal, whatever else is there", async () => {
    const folder = place();
    const store = directoryJournal(folder);
    expect(await store.list()).toEqual([]);
    await twoCommits(folder);
    for (const stray of [".DS_Store", "b.erased", OTHER, "e".repeat(31)])
      await writeFile(join(folder, stray), "");
    await mkdir(join(folder, "folder", "facts"), { recursive: true });
    await mkdir(join(folder, "folder.erased"));
    expect(await store.list()).toEqual([{ name: NAME, label: "exam" }]);
    await expectCode(() => store.open(OTHER), "journal-lost");
    await store.discard(OTHER);
    // What a crash left: of one that was being made, and of one that was being removed.
    await mkdir(join(folder, "d".repeat(32)));
    await mkdir(join(folder, `${"c".repeat(32)}.erased`));
    expect((await store.list()).map(({ name }) => name).sort()).toEqual([NAME, "d".repeat(32)]);
    await expectCode(() => store.open("d".repeat(32)), "journal-lost");
    await store.discard("d".repeat(32));
    await rm(join(folder, NAME, "label"));
    expect(await store.list()).toEqual([{ name: NAME, label: "" }]);
    expect((await readdir(folder)).sort()).toEqual(
      [".DS_Store", NAME, OTHER, "b.erased", "e".repeat(31), "folder", "folder.erased"].sort(),
    );
  });

  it("fault J6: syncs every folder that has a new name in it, and no other", async () => {
    const base = place();
    await mkdir(base);
    const folder = join(base, "new", "journals");
    const opened = new Map<unknown, string>();
    let synced: string[] = [];
    const store = watchedDirectory(folder, (call, [path, flags]) => {
      if (call === "open" && flags === "r") opened.set("last", String(path));
      if (call === "handle.sync") synced.push(opened.get("last")!);
      if (call === "handle.datasync") synced.push("data");
    });
    const since = (): string[] => {
      const names = synced.map((path) => path.replace(base, ".").replace(NAME, "NAME"));
      synced = [];
      return names.sort();
    };
    const journal = await store.create(NAME, { label: "" });
    // The lock and the label, and the folders.
    expect(since()).toEqual([".", "./new", "./new/journals", "./new/journals/NAME", "data", "data"]);
    await journal.commit({ pieces: [piece("a", 0, "1"), piece("b", 0, "1")], records: [bytes("r")] });
    expect(since()).toEqual(["./new/journals/NAME", "data", "data", "data"]);
    const pieces = [piece("a", 1, "2"), piece("b", 1, "2"), piece("a", 2, "3"), piece("a", 3, "4")];
    await journal.commit({ pieces, records: [bytes("r")] });
    expect(since()).toEqual(["data", "data", "data"]);
    await journal.commit({ records: [bytes("r")] });
    expect(since()).toEqual(["data"]);
    await journal.close();
    expect(since()).toEqual([]);
  });

  it("keeps no more than a few files open, and none of what was dropped or closed", async () => {
    if (process.platform !== "linux") return;
    const folder = place();
    const open = async () => {
      const links = execFileSync("ls", ["-l", `/proc/${process.pid}/fd`], { encoding: "utf8" });
      return links.split("\n").filter((line) => line.includes(folder)).length;
    };
    const journal = await directoryJournal(folder).create(NAME, { label: "" });
    for (let i = 0; i < 40; i++) {
      await journal.commit({ pieces: [piece(`b${i % 20}`, i, "x")], records: [bytes("r")] });
    }
    expect(await open()).toBe(9);
    await journal.dropBlobs(["b19", "b18", "b0"]);
    expect(await open()).toBe(7);
    await journal.close();
    expect(await open()).toBe(0);
  });

  it("names what is wrong: no place to write, keys that are no keys, a path that is none", async () => {
    await expectWrongType(() => directoryJournal(3 as unknown as string));
    await expectWrongType(() => directoryJournal(""));
    const folder = place();
    await writeFile(folder, "a file");
    await expectCode(() => directoryJournal(folder).create(NAME, { label: "" }), "storage-failed");
    await expectCode(() => directoryJournal(folder).list(), "storage-failed");
    await rm(folder);
    const journal = await directoryJournal(folder).create(NAME, { label: "" });
    await journal.saveKeys({ readKey: bytes("k"), other: bytes("long") });
    await journal.saveKeys({ readKey: bytes("k") });
    expect(await journal.keys()).toEqual({ readKey: bytes("k") });
    await appendFile(join(folder, NAME, "keys"), "x");
    await expectCode(() => journal.keys(), "journal-damaged");
    await truncate(join(folder, NAME, "keys"), 0);
    await expectCode(() => journal.keys(), "journal-damaged");
    await journal.erase();
  });
});

describe("a disk that fails", () => {
  const first: JournalChanges = { pieces: [piece("a", 0, "first")], records: [bytes("1")] };
  const second: JournalChanges = {
    pieces: [piece("a", 5, "second", "+"), piece("b", 0, "new"), piece("a", 12, "end")],
    records: [bytes("a long record, which a shorter one does not cover"), bytes("2")],
  };
  const shorter: JournalChanges = { pieces: second.pieces!, records: [bytes("s")] };

  async function contentOf(folder: string) {
    const { journal, records } = await directoryJournal(folder).open(NAME);
    const blobs = await Promise.all(["a", "b"].map(async (name) => text((await journal.blob(name))!)));
    await journal.close();
    return { blobs, records: records.map(text) };
  }

  it.each([
    ["ENOSPC", "needs room", "storage-full", second],
    ["ENOSPC", "needs room", "storage-full", shorter],
    ["EIO", "any", "storage-failed", second],
    ["EIO", "any", "storage-failed", shorter],
  ] as const)("%s at any call (%s): the commit can be made again", async (code, what, expected, next) => {
    const failures: (string | undefined)[] = [];
    for (let nth = 0; ; nth++) {
      const folder = place();
      const disk = failingDisk(folder, code, what);
      const journal = await disk.store.create(NAME, { label: "" });
      await journal.commit(first);
      disk.arm(nth);
      const outcome = await journal.commit(second).then(
        () => undefined,
        (error: unknown) => error,
      );
      const failed = disk.disarm();
      failures.push(failed);
      if (outcome !== undefined) await expectCode(() => Promise.reject(outcome), expected);
      if (outcome !== undefined) await journal.commit(next);
      await journal.close();
      const { records } = outcome === undefined ? second : next;
      expect(await contentOf(folder)).toEqual({
        blobs: ["firstsecond+end", "new"],
        records: ["1", ...records!.map(text)],
      });
      if (failed === undefined) break;
    }
    expect(new Set(failures)).toContain("handle.writev");
    expect(new Set(failures)).toContain("handle.datasync");
  });

  it.each([
    ["ENOSPC", "needs room", "storage-full"],
    ["EIO", "any", "storage-failed"],
  ] as const)("%s at any call (%s): everything else can be tried again", async (code, what, expected) => {
    type Disk = ReturnType<typeof failingDisk>;
    const calls: Record<string, (disk: Disk) => Promise<OpenJournal | undefined>> = {
      create: ({ store }) => store.create(OTHER, { label: "" }),
      open: async ({ store }) => (await store.open(NAME)).journal,
      discard: async ({ store }) => void (await store.discard(NAME)),
      list: async ({ store }) => void (await store.list()),
    };
    for (const [name, call] of Object.entries(calls)) {
      for (let nth = 0; ; nth++) {
        const folder = place();
        await twoCommits(folder);
        const disk = failingDisk(folder, code, what);
        disk.arm(nth);
        const outcome = await call(disk).catch((error: unknown) => ({ error }));
        const failed = disk.disarm();
        if (outcome && "error" in outcome) {
          await expectCode(() => Promise.reject(outcome.error), expected);
          await (await call(disk))?.close();
        } else {
          await outcome?.close();
        }
        const left = (await readdir(folder)).filter((entry) => !entry.endsWith(".erased")).sort();
        const expectedLeft = { create: [NAME, OTHER].sort(), discard: [] }[name] ?? [NAME];
        expect([name, failed, left]).toEqual([name, failed, expectedLeft]);
        if (failed === undefined) break;
      }
    }
  });

  it("says that it was not closed where it was not, and closes all the same", async () => {
    const folder = place();
    const disk = failingDisk(folder, "EIO", "any");
    for (let nth = 0; nth < 12; nth++) {
      const name = String(nth).padStart(32, "0");
      const journal: OpenJournal = await disk.store.create(name, { label: "" });
      await journal.commit(first);
      disk.arm(nth);
      const error: unknown = await journal.close().catch((reason: unknown) => reason);
      disk.disarm();
      if (error !== undefined) await expectCode(() => Promise.reject(error), "storage-failed");
      await journal.close();
      await (await disk.store.open(name)).journal.erase();
    }
  });
});
