import { BlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import {
  BLOBS,
  entriesIn,
  FRAMES,
  JOURNALS,
  KEYS,
  keysIn,
  openDatabase,
  settled,
  type Write,
  within,
  written,
} from "./database.js";
import { journalDamaged, journalExists, journalInUse, journalLost } from "./faults.js";
import { decodeFrame, encodeFrame } from "./frame.js";
import { guardedStore } from "./guarded.js";
import { joinPieces } from "./pieces.js";
import type { JournalListing, JournalStore, OpenJournal } from "./store.js";
import { holdWebLock, type WebLock } from "./web-lock.js";

/** What is kept of a journal by its name. */
interface Entry {
  readonly label: string;
  /** Who may write: changed by everyone who takes it without a lock that says that nobody else has it. */
  readonly owner: string;
}

/**
 * Journals in IndexedDB, for pages, extensions, and workers of every kind. Transactions are `durability: "strict"`.
 * The recording's keys are kept as non-extractable `CryptoKey`s: scripts cannot read them out, somebody with the disk
 * might. Web Locks keep tabs apart, where there are any; without them, whoever had a journal first finds out.
 *
 * @param name of the database.
 * @throws BlindreelError `unsupported-runtime` where there is no IndexedDB.
 */
export function indexedDbJournal(name = "blindreel-journals"): JournalStore {
  if (typeof indexedDB === "undefined") {
    const operation = "indexedDB";
    throw new BlindreelError("unsupported-runtime", "this runtime has no IndexedDB", { operation });
  }

  /** Opens the database for `action`; it is closed, and the lock let go, by it where it says so, or where it fails. */
  async function holding<T>(
    journal: string,
    takeOver: boolean | undefined,
    action: (held: Held) => Promise<T>,
  ): Promise<T> {
    const lock = await holdWebLock(`blindreel ${name} ${journal}`, journal, { takeOver });
    let database: IDBDatabase | undefined;
    const close = (): void => {
      database?.close();
      lock.unlock();
    };
    try {
      database = await openDatabase(name);
      return await action({ database, lock, close });
    } catch (error) {
      close();
      throw error;
    }
  }

  return guardedStore({
    keyForm: "platform",
    async list() {
      const database = await openDatabase(name);
      try {
        const store = database.transaction(JOURNALS).objectStore(JOURNALS);
        const entries = await entriesIn<string, Entry | undefined>(store);
        return entries.map(([journal, entry]) => ({ name: journal, label: entry?.label }) as JournalListing);
      } finally {
        database.close();
      }
    },
    create: (journal, { label }) =>
      holding(journal, false, async (held) => {
        const owner = newOwner();
        await written(held.database, [JOURNALS], (store, refuse) => {
          const known = store(JOURNALS).count(journal);
          known.onsuccess = () => {
            if (known.result > 0) refuse(journalExists(journal));
            else store(JOURNALS).put({ label, owner } satisfies Entry, journal);
          };
        });
        return journalIn(held, journal, { owner, frames: 0 });
      }),
    open: (journal, options) =>
      holding(journal, options?.takeOver, async (held) => {
        const { database, lock } = held;
        const isAlone = lock.isReal && !options?.takeOver;
        const owner = await ownerOf(database, journal, isAlone ? undefined : newOwner());
        const range = within(journal);
        const frames = await settled(database.transaction(FRAMES).objectStore(FRAMES).getAll(range));
        if (frames.length === 0) throw journalLost(`the journal ${journal}`);
        const records = frames.flatMap((frame: unknown, number) => {
          if (!(frame instanceof Uint8Array)) throw journalDamaged("a record of its log");
          return decodeFrame(number, frame as Bytes);
        });
        return { journal: journalIn(held, journal, { owner, frames: frames.length }), records };
      }),
    discard: (journal, options) =>
      holding(journal, options?.takeOver, async ({ database, close }) => {
        await written(database, ALL, (store) => remove(store, journal));
        close();
      }),
  });
}

/** A name that nobody else has. Insecure pages, which have journals too, have no `randomUUID`. */
function newOwner(): string {
  return encodeHex(crypto.getRandomValues(new Uint8Array(16)));
}

interface Held {
  readonly database: IDBDatabase;
  readonly lock: WebLock;
  close(): void;
}

const ALL = [JOURNALS, FRAMES, BLOBS, KEYS];

function remove(store: (name: string) => IDBObjectStore, journal: string): void {
  for (const each of [KEYS, FRAMES, BLOBS]) store(each).delete(within(journal));
  store(JOURNALS).delete(journal);
}

/** Who may write to a journal: as it is, which needs no room on a full disk, or `next` from now on. */
async function ownerOf(database: IDBDatabase, journal: string, next: string | undefined): Promise<string> {
  const request = database.transaction(JOURNALS).objectStore(JOURNALS).get(journal);
  const entry: Entry | undefined = await settled(request);
  if (!entry) throw journalLost(`the journal ${journal}`);
  if (next === undefined) return entry.owner;
  await written(database, [JOURNALS], (store) => store(JOURNALS).put({ ...entry, owner: next }, journal));
  return next;
}

function journalIn(
  { database, lock, close }: Held,
  name: string,
  found: { readonly owner: string; readonly frames: number },
): OpenJournal {
  let { frames } = found;
  /** In the same transaction, so that nothing comes between: whoever was taken over writes nothing more. */
  const write: Write = async (stores, action) => {
    lock.check();
    await written(database, [JOURNALS, ...stores.filter((each) => each !== JOURNALS)], (store, refuse) => {
      const request = store(JOURNALS).get(name);
      request.onsuccess = () => {
        const entry: Entry | undefined = request.result;
        if (!entry) refuse(journalLost(`the journal ${name}`));
        else if (entry.owner !== found.owner) refuse(journalInUse(name));
      };
      action(store);
    });
  };
  return {
    async commit({ pieces = [], records = [] }) {
      await write([FRAMES, BLOBS], (store) => {
        for (const { blob, offset, parts } of pieces) {
          store(BLOBS).put(joinPieces([[0, parts]]), [name, blob, offset]);
        }
        if (records.length > 0) store(FRAMES).put(encodeFrame(frames, records), [name, frames]);
      });
      if (records.length > 0) frames++;
    },
    async blob(blob) {
      const store = database.transaction(BLOBS).objectStore(BLOBS);
      const pieces = await entriesIn<[string, string, number], Bytes>(store, within(name, blob));
      return joinPieces(pieces.map(([[, , offset], bytes]) => [offset, [bytes]]));
    },
    dropBlobs: (names) =>
      write([BLOBS], (store) => {
        for (const blob of names) store(BLOBS).delete(within(name, blob));
      }),
    ...keysIn(database, name, write),
    async erase() {
      await write(ALL, (store) => remove(store, name));
      close();
    },
    close: async () => close(),
  };
}
