import type { KeyPlace } from "./folder-journal.js";

const VERSION = 1;
/** Object stores: journals by name; frames by [journal, log, number]; blobs by [journal, name]; keys by [journal, name]. */
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

/** One transaction; resolves when it is on the disk. */
export function written(
  database: IDBDatabase,
  stores: string[],
  write: (store: (name: string) => IDBObjectStore) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(stores, "readwrite", { durability: "strict" });
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    write((name) => transaction.objectStore(name));
  });
}

/**
 * A journal's keys, as the platform's keys that they are: each on its own, because one that a browser cannot give back
 * takes what stands beside it with it.
 */
export function keysIn(database: IDBDatabase, name: string): KeyPlace {
  return {
    saveKeys: (keys) =>
      written(database, [KEYS], (store) => {
        for (const [key, value] of Object.entries(keys)) store(KEYS).put(value, [name, key]);
      }),
    async keys() {
      const store = database.transaction(KEYS).objectStore(KEYS);
      const [names, values] = await Promise.all([
        settled(store.getAllKeys(within(name))),
        settled(store.getAll(within(name))),
      ]);
      return Object.fromEntries((names as [string, string][]).map(([, key], i) => [key, values[i]]));
    },
    eraseKeys: () => written(database, [KEYS], (store) => store(KEYS).delete(within(name))),
  };
}
