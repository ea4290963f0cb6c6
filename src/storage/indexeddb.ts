import { BlindreelError } from "../errors.js";
import { type Bytes, joinBytes } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import type { Connection } from "./connection.js";
import {
  BLOBS,
  entriesIn,
  FRAMES,
  JOURNALS,
  KEYS,
  openDatabase,
  settled,
  type Write,
  within,
} from "./database.js";
import { journalDamaged, journalExists, journalInUse, journalLost } from "./faults.js";
import { decodeFrame, encodeFrame } from "./frame.js";
import { guardedStore } from "./guarded.js";
import { type HeldJournal, holdJournal, keysIn } from "./held-journal.js";
import { joinPieces } from "./pieces.js";
import {
  type BrowserJournalOptions,
  createWith,
  eraseWith,
  type Reserve,
  reserveBytes,
  reserveOf,
  withReserve,
} from "./reserve.js";
import type { JournalListing, JournalStore, OpenJournal } from "./store.js";

/** A journal in the store of journals, by its name. */
interface JournalRow {
  readonly label: string;
  /** The only writer: changed with each take-over, and with each opening without a real lock. */
  readonly owner: string;
}

/**
 * Journals in IndexedDB, for pages, extensions, and workers of every kind. Transactions are `durability: "strict"`.
 * The recording's keys are kept as non-extractable `CryptoKey`s: no script can read them, a reader of the disk might. Web
 * Locks keep tabs apart; where a runtime has none, the earlier owner fails with its next write.
 *
 * @param name of the database.
 * @throws BlindreelError `unsupported-runtime` without IndexedDB.
 */
export function indexedDbJournal(name = "blindreel-journals", options?: BrowserJournalOptions): JournalStore {
  const bytes = reserveBytes(options);
  if (typeof indexedDB === "undefined") {
    const operation = "indexedDB";
    throw new BlindreelError("unsupported-runtime", "this runtime has no IndexedDB", { operation });
  }

  const holding = <T>(
    journal: string,
    takeOver: boolean | undefined,
    action: (held: HeldJournal) => Promise<T>,
  ): Promise<T> =>
    holdJournal(journal, { database: name, lock: `blindreel ${name} ${journal}`, takeOver }, action);

  const reserveFor = (journal: string): Reserve => reserveOf(`${name} ${journal}`, bytes);

  return guardedStore({
    keyForm: "platform",
    async list() {
      const database = await openDatabase(name);
      try {
        const store = database.transaction(JOURNALS).objectStore(JOURNALS);
        const entries = await entriesIn<string, JournalRow | undefined>(store);
        return entries.map(([journal, row]) => ({ name: journal, label: row?.label }) as JournalListing);
      } finally {
        database.close();
      }
    },
    create: (journal, { label }) =>
      holding(journal, false, async (held) => {
        const { connection } = held;
        const owner = newOwner();
        await connection.written([JOURNALS], (store, refuse) => {
          const known = store(JOURNALS).count(journal);
          known.onsuccess = () => {
            if (known.result > 0) refuse(journalExists(journal));
            else store(JOURNALS).put({ label, owner } satisfies JournalRow, journal);
          };
        });
        return createWith(
          reserveFor(journal),
          () => databaseJournal(held, journal, { owner, frames: 0 }),
          () => connection.written(ALL, (store) => remove(store, journal)),
        );
      }),
    open: (journal, options) =>
      holding(journal, options?.takeOver, async (held) => {
        const { connection, lock } = held;
        const isAlone = lock.isReal && !options?.takeOver;
        const owner = await ownerOf(connection, journal, isAlone ? undefined : newOwner());
        const range = within(journal);
        const database = await connection.database;
        const frames = await settled(database.transaction(FRAMES).objectStore(FRAMES).getAll(range));
        if (frames.length === 0) throw journalLost(`the journal ${journal}`);
        const records = frames.flatMap((frame: unknown, number) => {
          if (!(frame instanceof Uint8Array)) throw journalDamaged("a record of its log");
          return decodeFrame(number, frame as Bytes);
        });
        const found = databaseJournal(held, journal, { owner, frames: frames.length });
        return { journal: withReserve(found, reserveFor(journal)), records };
      }),
    discard: (journal, options) =>
      holding(journal, options?.takeOver, async ({ connection, release }) => {
        await eraseWith(reserveFor(journal), {
          eraseKeys: () => connection.written([KEYS], (store) => store(KEYS).delete(within(journal))),
          erase: () => connection.written(ALL, (store) => remove(store, journal)),
        });
        release();
      }),
  });
}

/** A unique name. Insecure pages, which have journals too, have no `randomUUID`. */
function newOwner(): string {
  return encodeHex(crypto.getRandomValues(new Uint8Array(16)));
}

const ALL = [JOURNALS, FRAMES, BLOBS, KEYS];

function remove(store: (name: string) => IDBObjectStore, journal: string): void {
  for (const each of [KEYS, FRAMES, BLOBS]) store(each).delete(within(journal));
  store(JOURNALS).delete(journal);
}

/** The owner of a journal: `next`, or the present one, which needs no room on a full disk. */
async function ownerOf(connection: Connection, journal: string, next: string | undefined): Promise<string> {
  const request = (await connection.database).transaction(JOURNALS).objectStore(JOURNALS).get(journal);
  const entry: JournalRow | undefined = await settled(request);
  if (!entry) throw journalLost(`the journal ${journal}`);
  if (next === undefined) return entry.owner;
  await connection.written([JOURNALS], (store) => store(JOURNALS).put({ ...entry, owner: next }, journal));
  return next;
}

function databaseJournal(
  { connection, lock, release }: HeldJournal,
  name: string,
  found: { readonly owner: string; readonly frames: number },
): OpenJournal {
  let { frames } = found;
  /** Checks the owner in the same transaction: an owner that was taken over writes nothing more. */
  const write: Write = async (stores, action) => {
    lock.check();
    await connection.written([JOURNALS, ...stores.filter((each) => each !== JOURNALS)], (store, refuse) => {
      const request = store(JOURNALS).get(name);
      request.onsuccess = () => {
        const entry: JournalRow | undefined = request.result;
        if (!entry) refuse(journalLost(`the journal ${name}`));
        else if (entry.owner !== found.owner) refuse(journalInUse(name));
      };
      action(store);
    });
  };
  const keys = keysIn(connection, name, write);
  return {
    async commit({ pieces = [], records = [] }) {
      await write([FRAMES, BLOBS], (store) => {
        for (const { blob, offset, parts } of pieces) {
          store(BLOBS).put(joinBytes(parts), [name, blob, offset]);
        }
        if (records.length > 0) store(FRAMES).put(encodeFrame(frames, records), [name, frames]);
      });
      if (records.length > 0) frames++;
    },
    async blob(blob) {
      const store = (await connection.database).transaction(BLOBS).objectStore(BLOBS);
      const pieces = await entriesIn<[string, string, number], Bytes>(store, within(name, blob));
      return joinPieces(pieces.map(([[, , offset], bytes]) => [offset, bytes]));
    },
    dropBlobs: (names) =>
      write([BLOBS], (store) => {
        for (const blob of names) store(BLOBS).delete(within(name, blob));
      }),
    ...keys,
    // One that the browser has thrown away has none. Chromium does that with a database that a full disk has damaged.
    eraseKeys: () =>
      keys.eraseKeys().catch((error) => (error.code === "journal-lost" ? undefined : Promise.reject(error))),
    async erase() {
      await write(ALL, (store) => remove(store, name));
      release();
    },
    close: async () => release(),
  };
}
