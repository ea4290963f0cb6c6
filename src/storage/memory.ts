import { BlindreelError, outOfRange } from "../errors.js";
import { type Bytes, joinBytes } from "../formats/bytes.js";
import { journalExists, journalInUse, journalLost } from "./faults.js";
import { guardedStore } from "./guarded.js";
import { joinPieces, lengthOf } from "./pieces.js";
import type { JournalStore, OpenJournal, StoredKeys } from "./store.js";

/** Records in one buffer: thousands of small ones would take ten times their bytes. */
class Records {
  #bytes: Bytes = new Uint8Array(1024);
  #end = 0;
  readonly #lengths: number[] = [];

  get length(): number {
    return this.#lengths.length;
  }

  add(record: Bytes): void {
    const end = this.#end + record.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = larger;
    }
    this.#bytes.set(record, this.#end);
    this.#end = end;
    this.#lengths.push(record.length);
  }

  list(): Bytes[] {
    let start = 0;
    return this.#lengths.map((length) => {
      start += length;
      return this.#bytes.slice(start - length, start);
    });
  }
}

interface Contents {
  readonly label: string;
  readonly records: Records;
  /** By name, then by offset. */
  readonly blobs: Map<string, Map<number, Bytes>>;
  keys: StoredKeys;
  /** A new object with each opening. */
  owner: object | undefined;
}

/**
 * Journals in memory, which no reload survives: for tests, for recorders without storage, and where a recording is given no
 * other.
 *
 * @param options `capacity`: bytes of ciphertext it holds at most; beyond that, `storage-full`. No limit if not given.
 */
export function memoryJournal(options: { readonly capacity?: number } = {}): JournalStore {
  const limit = options.capacity ?? Number.POSITIVE_INFINITY;
  if (typeof limit !== "number" || !(limit > 0)) throw outOfRange("capacity", "above 0 bytes", limit);
  const journals = new Map<string, Contents>();
  let used = 0;

  function drop({ blobs }: Contents, blob: string): void {
    for (const { length } of blobs.get(blob)?.values() ?? []) used -= length;
    blobs.delete(blob);
  }

  function remove(name: string, contents: Contents): void {
    contents.keys = {};
    for (const blob of contents.blobs.keys()) drop(contents, blob);
    journals.delete(name);
  }

  function take(name: string, contents: Contents, isForced = false): void {
    if (contents.owner && !isForced) throw journalInUse(name);
    contents.owner = {};
  }

  function opened(name: string, contents: Contents): OpenJournal {
    const { owner } = contents;
    const own = (): Contents => {
      if (journals.get(name) !== contents) throw journalLost(`the journal ${name}`);
      if (contents.owner !== owner) throw journalInUse(name);
      return contents;
    };
    return {
      async commit({ pieces = [], records = [] }) {
        const { blobs, records: log } = own();
        for (const { blob, offset, parts } of pieces) {
          const inBlob = blobs.get(blob) ?? new Map<number, Bytes>();
          const needed = used + lengthOf(parts) - (inBlob.get(offset)?.length ?? 0);
          if (needed > limit) {
            throw new BlindreelError("storage-full", `the journal holds ${limit} bytes at most`, undefined);
          }
          used = needed;
          blobs.set(blob, inBlob.set(offset, joinBytes(parts)));
        }
        for (const record of records) log.add(record);
      },
      blob: async (blob) => joinPieces([...(own().blobs.get(blob) ?? [])]),
      async dropBlobs(names) {
        for (const blob of names) drop(own(), blob);
      },
      async saveKeys(keys) {
        own().keys = { ...keys };
      },
      keys: async () => own().keys,
      async eraseKeys() {
        own().keys = {};
      },
      erase: async () => remove(name, own()),
      async close() {
        if (contents.owner === owner) contents.owner = undefined;
      },
    };
  }

  return guardedStore({
    keyForm: "any",
    list: async () => [...journals].map(([name, { label }]) => ({ name, label })),
    async create(name, { label }) {
      if (journals.has(name)) throw journalExists(name);
      const contents: Contents = { label, records: new Records(), blobs: new Map(), keys: {}, owner: {} };
      journals.set(name, contents);
      return opened(name, contents);
    },
    async open(name, options) {
      const contents = journals.get(name);
      if (!contents || contents.records.length === 0) throw journalLost(`the journal ${name}`);
      take(name, contents, options?.takeOver);
      return { journal: opened(name, contents), records: contents.records.list() };
    },
    async discard(name, options) {
      const contents = journals.get(name);
      if (!contents) return;
      take(name, contents, options?.takeOver);
      remove(name, contents);
    },
  });
}
