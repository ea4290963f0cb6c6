import { BlindreelError, outOfRange } from "../errors.js";
import { type Bytes, concatBytes } from "../formats/bytes.js";
import { journalInUse, journalLost } from "./faults.js";
import type { JournalChanges, JournalStore, LogName, OpenJournal, StoredKeys } from "./store.js";

interface Contents {
  readonly logs: Record<LogName, Bytes[]>;
  readonly blobs: Map<string, readonly Bytes[]>;
  keys: StoredKeys;
  isOpen: boolean;
}

/**
 * A journal that a reload does not survive: for tests, and for recorders that have nowhere to store. It is what a
 * recording uses when it is given no other.
 *
 * @param options `capacity`: bytes of ciphertext it holds at most; beyond that, `storage-full`. No limit if not given.
 */
export function memoryJournal(options: { readonly capacity?: number } = {}): JournalStore {
  const limit = options.capacity ?? Number.POSITIVE_INFINITY;
  if (typeof limit !== "number" || !(limit > 0)) throw outOfRange("capacity", "above 0 bytes", limit);
  const journals = new Map<string, Contents>();
  let used = 0;

  function opened(name: string, contents: Contents): OpenJournal {
    const { logs, blobs } = contents;
    const drop = (blob: string): void => {
      used -= lengthOf(blobs.get(blob) ?? []);
      blobs.delete(blob);
    };
    return {
      async commit({ blobs: added = [], tail = [], facts = [] }: JournalChanges) {
        for (const { name: blob, parts } of added) {
          drop(blob);
          const length = lengthOf(parts);
          if (used + length > limit) {
            throw new BlindreelError("storage-full", `the journal holds ${limit} bytes at most`, undefined);
          }
          used += length;
          blobs.set(blob, parts);
        }
        logs.tail.push(...tail);
        logs.facts.push(...facts);
      },
      async replaceTail(records) {
        logs.tail = [...records];
      },
      async blob(blob) {
        const parts = blobs.get(blob);
        return parts && concatBytes(...parts);
      },
      dropBlobs: async (names) => names.forEach(drop),
      async saveKeys(keys) {
        contents.keys = keys;
      },
      keys: async () => contents.keys,
      async eraseKeys() {
        contents.keys = {};
      },
      async erase() {
        [...blobs.keys()].forEach(drop);
        journals.delete(name);
      },
      async close() {
        contents.isOpen = false;
      },
    };
  }

  return {
    keyForm: "any",
    list: async () => [...journals.keys()],
    async open(name, mode) {
      let contents = journals.get(name);
      if (!contents && mode === "resume") throw journalLost(`the journal ${name}`);
      contents ??= { logs: { facts: [], tail: [] }, blobs: new Map(), keys: {}, isOpen: false };
      if (contents.isOpen) throw journalInUse(name);
      contents.isOpen = true;
      journals.set(name, contents);
      return {
        journal: opened(name, contents),
        facts: [...contents.logs.facts],
        tail: [...contents.logs.tail],
      };
    },
  };
}

function lengthOf(parts: readonly Bytes[]): number {
  return parts.reduce((total, { length }) => total + length, 0);
}
