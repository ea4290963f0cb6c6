import { BlindreelError } from "../errors.js";
import { type Bytes, concatBytes } from "../formats/bytes.js";
import { BLOBS, FRAMES, JOURNALS, KEYS, keysIn, openDatabase, settled, within, written } from "./database.js";
import { guarded, journalDamaged, journalInUse, journalLost, withStorageFaults } from "./faults.js";
import { decodeFrame, encodeFrame } from "./frame.js";
import type { JournalStore, LogName, OpenedJournal, OpenJournal } from "./store.js";
import { holdWebLock } from "./web-lock.js";

/**
 * Journals in IndexedDB, for pages, extensions, and workers of every kind. Transactions are `durability: "strict"`.
 * The recording's keys are kept as non-extractable `CryptoKey`s: scripts cannot read them out, somebody with the disk
 * might. Web Locks keep tabs apart, where there are any; without them, the second to write finds out.
 *
 * @param name of the database.
 * @throws BlindreelError `unsupported-runtime` where there is no IndexedDB.
 */
export function indexedDbJournal(name = "blindreel-journals"): JournalStore {
  if (typeof indexedDB === "undefined") {
    const operation = "indexedDB";
    throw new BlindreelError("unsupported-runtime", "this runtime has no IndexedDB", { operation });
  }
  return {
    keyForm: "platform",
    list: () =>
      withStorageFaults(async () => {
        const database = await openDatabase(name);
        try {
          const request = database.transaction(JOURNALS).objectStore(JOURNALS).getAllKeys();
          return (await settled(request)) as string[];
        } finally {
          database.close();
        }
      }),
    open: (journal, mode) =>
      withStorageFaults(async () => {
        const unlock = await holdWebLock(`blindreel ${name} ${journal}`, journal);
        let database: IDBDatabase | undefined;
        try {
          database = await openDatabase(name);
          return guarded(await openIn(database, journal, mode, unlock));
        } catch (error) {
          database?.close();
          unlock();
          throw error;
        }
      }),
  };
}

async function openIn(
  database: IDBDatabase,
  name: string,
  mode: "create" | "resume",
  unlock: () => void,
): Promise<OpenedJournal> {
  const known = await settled(database.transaction(JOURNALS).objectStore(JOURNALS).count(name));
  if (known === 0 && mode === "resume") throw journalLost(`the journal ${name}`);
  const facts = await readLog(database, name, "facts");
  const tail = await readLog(database, name, "tail");
  const frames = { facts: facts.frames, tail: tail.frames };

  const journal: OpenJournal = {
    async commit({ blobs = [], tail: tailRecords = [], facts: factRecords = [] }) {
      const next = { ...frames };
      await written(database, [JOURNALS, FRAMES, BLOBS], (store) => {
        if (frames.facts === 0) store(JOURNALS).put(true, name);
        for (const { name: blob, parts } of blobs) store(BLOBS).put(concatBytes(...parts), [name, blob]);
        // `add`, not `put`: where another tab has written on, this one must not write over it.
        const append = (log: LogName, records: readonly Bytes[]): void => {
          if (records.length === 0) return;
          store(FRAMES).add(encodeFrame(log, next[log], records), [name, log, next[log]]);
          next[log]++;
        };
        append("tail", tailRecords);
        append("facts", factRecords);
      }).catch((error) => {
        throw (error as { name?: unknown })?.name === "ConstraintError" ? journalInUse(name) : error;
      });
      Object.assign(frames, next);
    },
    async replaceTail(records) {
      await written(database, [FRAMES], (store) => {
        store(FRAMES).delete(within(name, "tail"));
        store(FRAMES).add(encodeFrame("tail", 0, records), [name, "tail", 0]);
      });
      frames.tail = 1;
    },
    blob: (blob) => settled(database.transaction(BLOBS).objectStore(BLOBS).get([name, blob])),
    dropBlobs: (names) =>
      written(database, [BLOBS], (store) => {
        for (const blob of names) store(BLOBS).delete([name, blob]);
      }),
    ...keysIn(database, name),
    async erase() {
      await written(database, [JOURNALS, FRAMES, BLOBS, KEYS], (store) => {
        store(KEYS).delete(within(name));
        store(JOURNALS).delete(name);
        store(FRAMES).delete(within(name));
        store(BLOBS).delete(within(name));
      });
      await journal.close();
    },
    async close() {
      database.close();
      unlock();
    },
  };
  return { journal, facts: facts.records, tail: tail.records };
}

async function readLog(database: IDBDatabase, name: string, log: LogName) {
  const request = database.transaction(FRAMES).objectStore(FRAMES).getAll(within(name, log));
  const frames = await settled(request);
  const records = frames.flatMap((frame: unknown, number) => {
    if (!(frame instanceof Uint8Array)) throw journalDamaged(`a record of its ${log}`);
    return decodeFrame(log, number, frame as Bytes);
  });
  return { records, frames: frames.length };
}
