import { outOfRange, wrongType } from "../errors.js";
import { type Bytes, bytesArgument, utf8 } from "../formats/bytes.js";
import { withStorageFaults } from "./faults.js";
import type { FoundJournal, JournalListing, JournalPiece, JournalStore, OpenJournal } from "./store.js";

const KEY_FORMS: readonly unknown[] = ["bytes", "platform", "any"];
const STORE_METHODS = ["list", "create", "open", "discard"] as const;
const JOURNAL_METHODS = [
  "commit",
  "blob",
  "dropBlobs",
  "saveKeys",
  "keys",
  "eraseKeys",
  "erase",
  "close",
] as const;
const JOURNAL_NAME = /^[0-9a-f]{32}$/;
const BLOB_NAME = /^[a-z0-9-]{1,40}$/;
/** In bytes of UTF-8. */
export const MAX_LABEL = 255;

export function isJournalName(name: unknown): name is string {
  return typeof name === "string" && JOURNAL_NAME.test(name);
}

export function isLabel(label: unknown): label is string {
  return typeof label === "string" && utf8(label).length <= MAX_LABEL && !/\p{Surrogate}/u.test(label);
}

/**
 * A checked store, of the SDK or of a caller: names are checked before a call, and exceptions and malformed results become
 * errors with a storage code.
 *
 * @throws TypeError where `store` is no store. Of the calls: TypeError and RangeError for their arguments.
 */
export function guardedStore(store: JournalStore): JournalStore {
  if (!has(store, STORE_METHODS)) throw wrongType("store", "a JournalStore", store);
  const { keyForm } = store;
  if (!KEY_FORMS.includes(keyForm)) throw wrongType("store.keyForm", '"bytes", "platform" or "any"', keyForm);
  return {
    keyForm,
    list: () =>
      withStorageFaults(async () => {
        const listings: unknown = await store.list();
        if (!Array.isArray(listings)) throw wrongType("the list of journals", "an array", listings);
        return listings.flatMap((listing: Partial<JournalListing> | null) => {
          const { name, label } = listing ?? {};
          return isJournalName(name) ? [{ name, label: isLabel(label) ? label : "" }] : [];
        });
      }),
    async create(name, options) {
      checkJournalName(name);
      const label: unknown = options?.label;
      if (typeof label !== "string") throw wrongType("label", "a string", label);
      if (!isLabel(label)) throw outOfRange("label", `at most ${MAX_LABEL} bytes of UTF-8`, quoted(label));
      return withStorageFaults(async () => guardedJournal(await store.create(name, { label })));
    },
    async open(name, options) {
      checkJournalName(name);
      const takeOver = takeOverOf(options);
      return withStorageFaults(async () => {
        const found: Partial<FoundJournal> | undefined = await store.open(name, { takeOver });
        const journal = guardedJournal(found?.journal);
        try {
          if (!Array.isArray(found?.records)) throw wrongType("the records", "an array", found?.records);
          return { journal, records: found.records.map((each) => bytesArgument("a record", each)) };
        } catch (error) {
          await journal.close().catch(() => {});
          throw error;
        }
      });
    },
    async discard(name, options) {
      checkJournalName(name);
      const takeOver = takeOverOf(options);
      await withStorageFaults(() => store.discard(name, { takeOver }));
    },
  };
}

function guardedJournal(journal: unknown): OpenJournal {
  if (!has<OpenJournal>(journal, JOURNAL_METHODS)) throw wrongType("the journal", "an OpenJournal", journal);
  let isOver = false;
  return {
    async commit({ pieces = [], records = [] }) {
      pieces.forEach(checkPiece);
      await withStorageFaults(() => journal.commit({ pieces, records }));
    },
    async blob(name) {
      checkBlobName(name);
      return withStorageFaults(async () => {
        const blob: Bytes | undefined = await journal.blob(name);
        return blob === undefined ? undefined : bytesArgument("the blob", blob);
      });
    },
    async dropBlobs(names) {
      names.forEach(checkBlobName);
      await withStorageFaults(() => journal.dropBlobs(names));
    },
    saveKeys: (keys) => withStorageFaults(() => journal.saveKeys(keys)),
    keys: () =>
      withStorageFaults(async () => {
        const keys: unknown = await journal.keys();
        if (typeof keys !== "object" || keys === null) throw wrongType("the keys", "an object", keys);
        return keys as Record<string, unknown>;
      }),
    eraseKeys: () => withStorageFaults(() => journal.eraseKeys()),
    async erase() {
      await withStorageFaults(() => journal.erase());
      isOver = true;
    },
    async close() {
      if (isOver) return;
      await withStorageFaults(() => journal.close());
      isOver = true;
    },
  };
}

function has<T>(value: unknown, methods: readonly (keyof T)[]): value is T {
  if (typeof value !== "object" || value === null) return false;
  return methods.every((name) => typeof (value as T)[name] === "function");
}

function checkJournalName(name: unknown): void {
  if (!isJournalName(name)) throw outOfRange("the journal's name", "32 lowercase hex digits", quoted(name));
}

function checkBlobName(name: unknown): void {
  if (typeof name === "string" && BLOB_NAME.test(name)) return;
  throw outOfRange("the blob's name", 'one to 40 of a-z, 0-9 and "-"', quoted(name));
}

function checkPiece({ blob, offset }: JournalPiece): void {
  checkBlobName(blob);
  if (Number.isSafeInteger(offset) && offset >= 0) return;
  throw outOfRange("the piece's offset", "an integer of at least 0", String(offset));
}

function takeOverOf(options: { readonly takeOver?: boolean } | undefined): boolean {
  const takeOver: unknown = options?.takeOver ?? false;
  if (typeof takeOver !== "boolean") throw wrongType("takeOver", "a boolean", takeOver);
  return takeOver;
}

function quoted(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 64)) : typeof value;
}
