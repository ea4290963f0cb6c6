import type { KeyPlace } from "./store.js";
import { holdWebLock, type WebLock } from "./web-lock.js";

const VERSION = 1;
/** Object stores: journals by name; frames by [journal, number]; blobs by [journal, name, offset]; keys by [journal, name]. */
export const JOURNALS = "journals";
export const FRAMES = "frames";
export const BLOBS = "blobs";
export const KEYS = "keys";

/** Keys that begin with these parts: in IndexedDB's order an array is above every number and text. */
export function within(...parts: string[]): IDBKeyRange {
  return IDBKeyRange.bound(parts, [...parts, []]);
}

const JOURNAL_STORES = [JOURNALS, FRAMES, BLOBS, KEYS];

/** @param stores object stores of a new database. */
export function openDatabase(name: string, stores: readonly string[] = JOURNAL_STORES): Promise<IDBDatabase> {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => {
    for (const store of stores) request.result.createObjectStore(store);
  };
  return settled(request);
}

/** A journal that is held: its lock, and the database of its store. */
export interface HeldJournal {
  readonly lock: WebLock;
  readonly database: IDBDatabase;
  /** Closes the database, and releases the lock. */
  release(): void;
}

/**
 * Takes a journal for `action`, which keeps it until it releases it; where it fails, it is released.
 *
 * @param options `database`: its name; `lock`: that of the Web Lock; `onLost`: called when it is released or taken over.
 * @throws BlindreelError `journal-in-use`.
 */
export async function holdJournal<T>(
  journal: string,
  options: {
    readonly database: string;
    readonly lock: string;
    readonly takeOver: boolean | undefined;
    readonly onLost?: () => void;
  },
  action: (held: HeldJournal) => Promise<T>,
): Promise<T> {
  const { takeOver, onLost = () => {} } = options;
  const lock = await holdWebLock(options.lock, journal, { takeOver, onStolen: onLost });
  let database: IDBDatabase | undefined;
  const release = (): void => {
    onLost();
    database?.close();
    lock.unlock();
  };
  try {
    database = await openDatabase(options.database);
    return await action({ lock, database, release });
  } catch (error) {
    release();
    throw error;
  }
}

export function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Keys and values of an object store in `range`. */
export async function entriesIn<K, V>(store: IDBObjectStore, range?: IDBKeyRange): Promise<[K, V][]> {
  const [keys, values] = await Promise.all([settled(store.getAllKeys(range)), settled(store.getAll(range))]);
  return (keys as K[]).map((key, i) => [key, values[i]]);
}

/**
 * One transaction; resolves when it is on the disk.
 *
 * @param write may call `refuse` as long as its requests go on: the transaction is undone, and rejects with that reason.
 */
export function written(
  database: IDBDatabase,
  stores: string[],
  write: (store: (name: string) => IDBObjectStore, refuse: (reason: unknown) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(stores, "readwrite", { durability: "strict" });
    let reason: unknown;
    const refuse = (why: unknown): void => {
      reason ??= why;
      transaction.abort();
    };
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(reason ?? transaction.error);
    try {
      write((name) => transaction.objectStore(name), refuse);
    } catch (error) {
      refuse(error);
    }
  });
}

/** {@link written} for the records of one journal. */
export type Write = (
  stores: string[],
  write: (store: (name: string) => IDBObjectStore) => void,
) => Promise<void>;

/** WebKit's shared workers cannot store a platform's key: it is lost there. */
export function putKey(store: IDBObjectStore, value: unknown, place: string | string[]): void {
  try {
    store.put(value, place);
  } catch (error) {
    if ((error as DOMException).name !== "DataCloneError") throw error;
  }
}

/**
 * A journal's platform keys, each in a record of its own: a browser that cannot give one back loses its whole record.
 */
export function keysIn(database: IDBDatabase, name: string, write: Write): KeyPlace {
  return {
    saveKeys: (keys) =>
      write([KEYS], (store) => {
        for (const [key, value] of Object.entries(keys)) putKey(store(KEYS), value, [name, key]);
      }),
    async keys() {
      const store = database.transaction(KEYS).objectStore(KEYS);
      const entries = await entriesIn<[string, string], unknown>(store, within(name));
      return Object.fromEntries(entries.map(([[, key], value]) => [key, value]));
    },
    eraseKeys: () => write([KEYS], (store) => store(KEYS).delete(within(name))),
  };
}
