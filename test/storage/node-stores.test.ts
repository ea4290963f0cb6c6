import { spawn } from "node:child_process";
import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { directoryJournal } from "../../src/storage/directory.js";
import { memoryJournal } from "../../src/storage/memory.js";
import { expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { storeCases } from "./store-cases.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "blindreel-journal-"));
});
afterAll(() => rm(root, { recursive: true }));

const text = (value: Uint8Array): string => new TextDecoder().decode(value);
const bytes = (value: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(value));

describe.each([
  ["memory", () => memoryJournal()],
  ["a directory", () => directoryJournal(join(root, `cases-${Math.random()}`))],
] as const)("%s", (_, make) => {
  it.each(storeCases)("$name", ({ run }) => run(make(), "0123456789abcdef"));
});

describe("memory", () => {
  it("says when its capacity is used up, and has room again once something was dropped", async () => {
    const { journal } = await memoryJournal({ capacity: 10 }).open("a", "create");
    await journal.commit({ blobs: [{ name: "x", parts: [new Uint8Array(6)] }] });
    const second = { blobs: [{ name: "y", parts: [new Uint8Array(5)] }] };
    await expectCode(() => journal.commit(second), "storage-full");
    await journal.dropBlobs(["x"]);
    await journal.commit(second);
    await expectOutOfRange(() => memoryJournal({ capacity: 0 }));
  });
});

describe("a directory", () => {
  const place = () => join(root, `directory-${Math.random()}`);

  it("is only its owner's, keys and all", async () => {
    const folder = place();
    const { journal } = await directoryJournal(folder).open("a", "create");
    await journal.commit({ blobs: [{ name: "x", parts: [bytes("x")] }], facts: [bytes("f")] });
    await journal.saveKeys({ readKey: new Uint8Array(32).fill(1) });
    const modeOf = async (name: string) => ((await stat(join(folder, name))).mode & 0o777).toString(8);
    expect(await modeOf("a")).toBe("700");
    for (const name of await readdir(join(folder, "a"))) {
      expect([name, await modeOf(`a/${name}`)]).toEqual([name, "600"]);
    }
    await journal.erase();
    expect(await readdir(folder)).toEqual([]);
  });

  it("drops a commit that a crash tore apart, and keeps what was before it", async () => {
    const folder = place();
    const store = directoryJournal(folder);
    const file = join(folder, "a", "facts");
    const { journal } = await store.open("a", "create");
    await journal.commit({ facts: [bytes("first"), bytes("second")] });
    const before = (await stat(file)).size;
    await journal.commit({ facts: [bytes("third"), bytes("fourth")] });
    await journal.close();
    const whole = await readFile(file);
    for (const cut of [before, before + 3, before + 20, whole.length - 1]) {
      await writeFile(file, whole.subarray(0, cut));
      const again = await store.open("a", "resume");
      expect(again.facts.map(text)).toEqual(["first", "second"]);
      await again.journal.commit({ facts: [bytes("fifth")] });
      await again.journal.close();
      const third = await store.open("a", "resume");
      expect(third.facts.map(text)).toEqual(["first", "second", "fifth"]);
      await third.journal.close();
    }
  });

  it("says that it is damaged", async () => {
    const folder = place();
    const store = directoryJournal(folder);
    const { journal } = await store.open("a", "create");
    await journal.commit({ facts: [bytes("first")], tail: [bytes("t")] });
    await journal.commit({ facts: [bytes("second")], tail: [bytes("t")] });
    await journal.close();
    for (const name of ["facts", "tail-0"]) {
      const whole = await readFile(join(folder, "a", name));
      const damaged = Buffer.from(whole);
      damaged[18]! ^= 1;
      await writeFile(join(folder, "a", name), damaged);
      await expectCode(() => store.open("a", "resume"), "journal-damaged");
      await writeFile(join(folder, "a", name), whole);
    }
    await (await store.open("a", "resume")).journal.erase();
  });

  it("takes the newest whole tail", async () => {
    const folder = place();
    const store = directoryJournal(folder);
    const { journal } = await store.open("a", "create");
    await journal.commit({ facts: [bytes("f")], tail: [bytes("old")] });
    await journal.close();
    const tail = await readFile(join(folder, "a", "tail-0"));
    // Written, but not to its end.
    await writeFile(join(folder, "a", "tail-1"), tail.subarray(0, 10));
    const torn = await store.open("a", "resume");
    expect(torn.tail.map(text)).toEqual(["old"]);
    await torn.journal.replaceTail([bytes("new")]);
    await torn.journal.close();
    // The crash came between writing the next one and removing this.
    await writeFile(join(folder, "a", "tail-0"), tail);
    const both = await store.open("a", "resume");
    expect(both.tail.map(text)).toEqual(["new"]);
    expect((await readdir(join(folder, "a"))).filter((name) => name.startsWith("tail"))).toEqual(["tail-1"]);
    await both.journal.erase();
  });

  it("keeps two processes apart, and takes over from one that is dead", async () => {
    const folder = place();
    const store = directoryJournal(folder);
    const { journal } = await store.open("a", "create");
    await journal.commit({ facts: [bytes("f")] });
    await journal.close();
    const lock = join(folder, "a", "lock");
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    await new Promise((resolve) => child.once("spawn", resolve));
    const started = (await readFile(`/proc/${child.pid}/stat`, "utf8").catch(() => "")).split(" ")[21] ?? "-";
    await writeFile(lock, `${child.pid} ${started} token`);
    await expectCode(() => store.open("a", "resume"), "journal-in-use");
    // Another process with the same number, and one of this number that ran before.
    await writeFile(lock, `${child.pid} 1 token`);
    if (started !== "-") await (await store.open("a", "resume")).journal.close();
    await writeFile(lock, `${process.pid} ${started} token`);
    await (await store.open("a", "resume")).journal.close();
    await writeFile(lock, `${child.pid} ${started} token`);
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    await (await store.open("a", "resume")).journal.close();
    expect(await readdir(join(folder, "a"))).toEqual(["facts", "tail-0"]);
  });

  it("names what is wrong: no place to write, keys that are no keys, a path that is none", async () => {
    await expectWrongType(() => directoryJournal(3 as unknown as string));
    await expectWrongType(() => directoryJournal(""));
    const folder = place();
    await writeFile(folder, "a file");
    await expectCode(() => directoryJournal(folder).open("a", "create"), "storage-failed");
    await rm(folder);
    const { journal } = await directoryJournal(folder).open("a", "create");
    await journal.saveKeys({ readKey: bytes("k") });
    await appendFile(join(folder, "a", "keys"), "x");
    await expectCode(() => journal.keys(), "journal-damaged");
    await truncate(join(folder, "a", "keys"), 0);
    await expectCode(() => journal.keys(), "journal-damaged");
    await journal.erase();
  });

  it("removes what a crash left of an erased journal", async () => {
    const folder = place();
    const store = directoryJournal(folder);
    const { journal } = await store.open("a", "create");
    await journal.commit({ facts: [bytes("f")] });
    await writeFile(join(folder, "b.erased"), "");
    expect(await store.list()).toEqual(["a"]);
    expect(await readdir(folder)).toEqual(["a"]);
    await journal.close();
  });
});
