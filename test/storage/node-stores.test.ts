import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { directoryJournal } from "../../src/storage/directory.js";
import { memoryJournal } from "../../src/storage/memory.js";
import { expectCode, expectOutOfRange } from "../helpers/errors.js";
import { storeCases } from "./store-cases.js";

const NAME = "0123456789abcdef0123456789abcdef";
const OTHER = "0123456789abcdef0123456789abcde0";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "blindreel-journal-"));
});
afterAll(() => rm(root, { recursive: true }));

describe.each([
  ["memory", () => memoryJournal()],
  ["a directory", () => directoryJournal(join(root, `cases-${Math.random()}`))],
] as const)("%s", (_, make) => {
  it.each(storeCases)("$name", ({ run }) => run(make(), NAME, OTHER));
});

describe("memory", () => {
  const piece = (blob: string, length: number) => ({ blob, offset: 0, parts: [new Uint8Array(length)] });

  it("says when its capacity is used up, and has room again once something was dropped", async () => {
    const journal = await memoryJournal({ capacity: 10 }).create(NAME, { label: "" });
    await journal.commit({ pieces: [piece("x", 6)] });
    await journal.commit({ pieces: [piece("x", 6)] });
    const second = { pieces: [piece("y", 5)], records: [new Uint8Array(1)] };
    await expectCode(() => journal.commit(second), "storage-full");
    await journal.dropBlobs(["x"]);
    await journal.commit(second);
    await expectOutOfRange(() => memoryJournal({ capacity: 0 }));
  });

  it("copies parts, which are lent, and gives back a blob up to where a piece is missing", async () => {
    const journal = await memoryJournal().create(NAME, { label: "" });
    const part = new Uint8Array([1, 2]);
    await journal.commit({ pieces: [{ blob: "b", offset: 0, parts: [part] }] });
    await journal.commit({ pieces: [{ blob: "b", offset: 3, parts: [part] }] });
    part[0] = 9;
    expect(await journal.blob("b")).toEqual(new Uint8Array([1, 2]));
  });
});
