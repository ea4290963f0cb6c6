import type { KeyPlace } from "./folder-journal.js";

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

export function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => {
    for (const store of [JOURNALS, FRAMES, BLOBS, KEYS]) request.result.createObjectStore(store);
  };
  return settled(request);
}

export function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** What of an object store lies in `range`: its keys, and what is there. */
export async function entriesIn<K, V>(store: IDBObjectStore, range?: IDBKeyRange): Promise<[K, V][]> {
  const [keys, values] = await Promise.all([settled(store.getAllKeys(range)), settled(store.getAll(range))]);
  return (keys as K[]).map((key, i) => [key, values[i]]);
}

/**
 * One transaction; resolves when it is on the disk.
 *
 * @param write may call `refuse` as long as its requests go on: then nothing of it is done, and that is why.
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

/** Writes to a journal's own object stores, as `written` does. */
export type Write = (
  stores: string[],
  write: (store: (name: string) => IDBObjectStore) => void,
) => Promise<void>;

/** WebKit's shared workers cannot store a platform's key: there it is as lost as one that does not come back. */
function putKey(store: IDBObjectStore, value: unknown, place: string[]): void {
  try {
    store.put(value, place);
  } catch (error) {
    if ((error as DOMException).name !== "DataCloneError") throw error;
  }
}

/**
 * A journal's keys, as the platform's keys that they are: each on its own, because one that a browser cannot give back
 * takes what stands beside it with it.
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
