import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { directoryJournal } from "../../src/storage/directory.js";
import { memoryJournal } from "../../src/storage/memory.js";
import { serveJournal } from "../../src/storage/serve-journal.js";
import type { JournalStore } from "../../src/storage/store.js";
import { workerJournal } from "../../src/storage/worker-journal.js";
import { expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { storeCases } from "./store-cases.js";

const NAME = "0123456789abcdef0123456789abcdef";
const OTHER = "0123456789abcdef0123456789abcde0";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "blindreel-journal-"));
});
afterAll(() => rm(root, { recursive: true }));

/** As a page's worker has it. */
function behindPort(store: JournalStore): JournalStore {
  const { port1, port2 } = new MessageChannel();
  serveJournal(store, port2);
  for (const port of [port1, port2]) (port as unknown as { unref(): void }).unref();
  return workerJournal(port1);
}

describe.each([
  ["memory", () => memoryJournal()],
  ["memory behind a MessagePort", () => behindPort(memoryJournal())],
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

describe("a journal behind a MessagePort", () => {
  it("tells failures by their codes, takes the same piece again, and leaves other messages alone", async () => {
    const { port1, port2 } = new MessageChannel();
    serveJournal(memoryJournal({ capacity: 10 }), port2);
    const store = workerJournal(port1);
    for (const port of [port1, port2]) port.postMessage("another's");
    const journal = await store.create(NAME, { label: "" });
    await expectCode(() => store.create(NAME, { label: "" }), "journal-in-use");
    await expectCode(() => store.open(OTHER), "journal-lost");
    const parts = [new Uint8Array([1, 2]), new Uint8Array([3])];
    const large = { pieces: [{ blob: "x", offset: 0, parts: [new Uint8Array(11)] }] };
    await expectCode(() => journal.commit(large), "storage-full");
    for (const blob of ["x", "x", "y"]) await journal.commit({ pieces: [{ blob, offset: 0, parts }] });
    expect(parts).toEqual([new Uint8Array([1, 2]), new Uint8Array([3])]);
    expect(await journal.blob("y")).toEqual(new Uint8Array([1, 2, 3]));
    port1.close();
  });

  it("fails where the port is closed at either end, before a call and under it", async () => {
    for (const end of ["port1", "port2"] as const) {
      const ports = new MessageChannel();
      const store = workerJournal(ports.port1);
      const waiting = expectCode(() => store.list(), "storage-failed");
      ports[end].close();
      await waiting;
      await expectCode(() => store.list(), "storage-failed");
    }
  });

  it("wants a worker, and in it a store that keeps platform keys", async () => {
    const { port1 } = new MessageChannel();
    await expectWrongType(() => workerJournal({} as Worker));
    await expectOutOfRange(() => serveJournal(directoryJournal(root), port1));
    await expectWrongType(() => serveJournal(memoryJournal(), {} as MessagePort));
    port1.close();
  });
});
