import { describe, expect, it } from "vitest";
import { BlindreelError, closedError } from "../../src/errors.js";
import { journalDamaged, journalInUse } from "../../src/storage/faults.js";
import { guardedStore } from "../../src/storage/guarded.js";
import { memoryJournal } from "../../src/storage/memory.js";
import type { JournalStore, OpenJournal } from "../../src/storage/store.js";
import { caught, expectCode, expectErrorCode, expectWrongType } from "../helpers/errors.js";

const NAME = "0123456789abcdef0123456789abcdef";
const noStore = {} as JournalStore;

/** A store of a caller's own, of which some methods are others. */
function storeWith(store: object, journal: object = {}): JournalStore {
  const memory = memoryJournal();
  const changed = (opened: OpenJournal): OpenJournal => ({ ...opened, ...journal });
  return guardedStore({
    keyForm: "any",
    list: () => memory.list(),
    create: async (name, options) => changed(await memory.create(name, options)),
    async open(name, options) {
      const found = await memory.open(name, options);
      return { ...found, journal: changed(found.journal) };
    },
    discard: (name, options) => memory.discard(name, options),
    ...store,
  });
}

const STORE_CALLS: Readonly<Record<string, (store: JournalStore) => Promise<unknown>>> = {
  list: (store) => store.list(),
  create: (store) => store.create(NAME, { label: "" }),
  open: (store) => store.open(NAME),
  discard: (store) => store.discard(NAME),
};
const JOURNAL_CALLS: Readonly<Record<string, (journal: OpenJournal) => Promise<unknown>>> = {
  commit: (journal) => journal.commit({ records: [] }),
  blob: (journal) => journal.blob("b"),
  dropBlobs: (journal) => journal.dropBlobs(["b"]),
  saveKeys: (journal) => journal.saveKeys({}),
  keys: (journal) => journal.keys(),
  eraseKeys: (journal) => journal.eraseKeys(),
  erase: (journal) => journal.erase(),
  close: (journal) => journal.close(),
};

describe("fault J6: a store of a caller's own", () => {
  const causes: readonly (readonly [unknown, BlindreelError["code"]])[] = [
    [new Error("raw"), "storage-failed"],
    [undefined, "storage-failed"],
    ["text", "storage-failed"],
    [new RangeError("raw"), "storage-failed"],
    [closedError("it"), "storage-failed"],
    [new DOMException("raw", "QuotaExceededError"), "storage-full"],
    [Object.assign(new Error("raw"), { code: "ENOSPC" }), "storage-full"],
    [Object.assign(new Error("raw"), { code: "ENOENT" }), "journal-lost"],
    [journalDamaged("it"), "journal-damaged"],
    [journalInUse(NAME), "journal-in-use"],
  ];
  const ways: readonly (readonly [string, (cause: unknown) => () => unknown])[] = [
    [
      "at once",
      (cause) => () => {
        throw cause;
      },
    ],
    ["later", (cause) => async () => Promise.reject(cause)],
  ];

  it.each(ways)("that throws %s throws one of the storage's codes", async (_, throwing) => {
    for (const [cause, code] of causes) {
      const check = async (call: () => Promise<unknown>) => {
        const pending = call();
        expect(pending).toBeInstanceOf(Promise);
        const error = expectErrorCode(await caught(() => pending), code);
        if (!(cause instanceof BlindreelError) || code === "storage-failed") expect(error.cause).toBe(cause);
      };
      for (const [name, call] of Object.entries(STORE_CALLS)) {
        await check(() => call(storeWith({ [name]: throwing(cause) })));
      }
      for (const [name, call] of Object.entries(JOURNAL_CALLS)) {
        const store = storeWith({}, { [name]: throwing(cause) });
        const journal = await store.create(NAME, { label: "" });
        await check(() => call(journal));
      }
    }
  });

  it("that returns something else than it may fails", async () => {
    for (const wrong of [undefined, null, 3, "text", {}]) {
      for (const name of ["list", "create", "open"]) {
        const store = storeWith({ [name]: () => wrong });
        await expectCode(() => STORE_CALLS[name]!(store), "storage-failed");
      }
      for (const name of ["blob", "keys"]) {
        // No blob of that name, and keys of other names.
        if (name === "blob" ? wrong === undefined : wrong === Object(wrong)) continue;
        const journal = await storeWith({}, { [name]: () => wrong }).create(NAME, { label: "" });
        await expectCode(() => JOURNAL_CALLS[name]!(journal), "storage-failed");
      }
      let isClosed = false;
      const closing = { ...(await memoryJournal().create(NAME, { label: "" })) };
      closing.close = async () => {
        isClosed = true;
      };
      const records = wrong === undefined ? [wrong] : wrong;
      await expectCode(
        () => storeWith({ open: () => ({ journal: closing, records }) }).open(NAME),
        "storage-failed",
      );
      expect(isClosed).toBe(true);
    }
  });

  it("lists what is a journal, with a label or without", async () => {
    const listings = [
      { name: NAME, label: "one" },
      { name: "../precious", label: "" },
      undefined,
      { name: "a".repeat(32), label: "é".repeat(128) },
      { name: "b".repeat(32) },
    ];
    expect(await storeWith({ list: () => listings }).list()).toEqual([
      { name: NAME, label: "one" },
      { name: "a".repeat(32), label: "" },
      { name: "b".repeat(32), label: "" },
    ]);
  });

  it("gets plain bytes out of it, and its methods are called on it", async () => {
    class Store {
      readonly keyForm = "any";
      readonly #memory = memoryJournal();
      list() {
        return this.#memory.list();
      }
      create(name: string, options: { readonly label: string }) {
        return this.#memory.create(name, options);
      }
      async open(name: string) {
        const { journal } = await this.#memory.open(name);
        return { journal: { ...journal, blob: async () => Buffer.from("b") }, records: [Buffer.from("r")] };
      }
      discard(name: string) {
        return this.#memory.discard(name);
      }
    }
    const store = guardedStore(new Store() as JournalStore);
    const made = await store.create(NAME, { label: "" });
    await made.commit({ records: [new Uint8Array(1)] });
    await made.close();
    const { journal, records } = await store.open(NAME);
    expect(Object.getPrototypeOf(records[0])).toBe(Uint8Array.prototype);
    expect(Object.getPrototypeOf(await journal.blob("b"))).toBe(Uint8Array.prototype);
  });

  it("is not closed twice, nor after it was erased; what failed can be tried again", async () => {
    const calls: string[] = [];
    const once = (name: string) => async () => {
      calls.push(name);
      if (calls.length === 1) throw new Error("raw");
    };
    const store = storeWith({}, { close: once("close"), erase: once("erase") });
    const journal = await store.create(NAME, { label: "" });
    await expectCode(() => journal.close(), "storage-failed");
    await journal.close();
    await journal.close();
    expect(calls).toEqual(["close", "close"]);
    const other = await store.create("a".repeat(32), { label: "" });
    await other.erase();
    await other.close();
    expect(calls).toEqual(["close", "close", "erase"]);
  });

  it("is one, or refused", async () => {
    for (const wrong of [undefined, null, 3, noStore, { ...memoryJournal(), keyForm: "hex" }]) {
      await expectWrongType(() => guardedStore(wrong as JournalStore));
    }
    await expectWrongType(() => guardedStore({ ...memoryJournal(), discard: 3 } as unknown as JournalStore));
  });
});
