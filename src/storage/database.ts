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
    const fail = (): void => {
      database.removeEventListener("close", fail);
      reject(reason ?? transaction.error ?? new DOMException("the database was closed", "AbortError"));
    };
    // Chromium, on a full disk, closes the database, and may leave out the transaction's own event.
    database.addEventListener("close", fail);
    transaction.onabort = fail;
    transaction.oncomplete = () => {
      database.removeEventListener("close", fail);
      resolve();
    };
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
