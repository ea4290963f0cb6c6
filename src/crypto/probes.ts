/** What a runtime has beside cryptography, found out by trying. Nothing here throws, and nothing is left behind. */

/** What web streams can do here. The SDK needs none of it. */
export interface StreamSupport {
  /** Readers that fill the caller's buffer (`type: "bytes"`). Missing in WebKit. */
  readonly byob: boolean;
  /** `for await (… of stream)`. Missing in WebKit. */
  readonly asyncIteration: boolean;
  /** `ReadableStream.from`. Missing in Chromium and WebKit. */
  readonly from: boolean;
  /** `postMessage(stream, [stream])`. Missing in WebKit and Bun. */
  readonly transferable: boolean;
}

export function probeStreams(): StreamSupport {
  return {
    byob: succeeds(() => new ReadableStream({ type: "bytes" }).getReader({ mode: "byob" })),
    asyncIteration: succeeds(() => new ReadableStream()[Symbol.asyncIterator]().next),
    from: succeeds(() => (ReadableStream as unknown as { from(source: Iterable<never>): unknown }).from([])),
    transferable: succeeds(() => {
      const stream = new ReadableStream();
      // Cancelled: a stream between two ends that nobody closes keeps Deno running.
      structuredClone(stream, { transfer: [stream] })
        .cancel()
        .catch(() => {});
    }),
  };
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

/** Whether a key written to IndexedDB came back as a key; `untested` where there is no IndexedDB or no such key. */
export type KeyPersistence = "kept" | "lost" | "untested";

export interface StorageSupport {
  readonly indexedDB: boolean;
  /** The origin's private file system (`navigator.storage.getDirectory`). */
  readonly opfs: boolean;
  /** What happens to a non-extractable `CryptoKey` in IndexedDB. */
  readonly keysInIndexedDB: Readonly<Record<"AES-GCM" | "HMAC" | "X25519" | "Ed25519", KeyPersistence>>;
}

/** Longest that storage may take to answer, in milliseconds. Some browsers never answer in private windows. */
const PATIENCE = 3000;

export async function probeStorage(): Promise<StorageSupport> {
  const name = `blindreel-capabilities-${Date.now()}-${performance.now()}`;
  const opfs = inTime(async () => (await navigator.storage.getDirectory()) !== undefined, false);
  const database = await inTime(() => openDatabase(name), undefined);
  const kept = async (algorithm: KeyAlgorithmParameters, usage: KeyUsage): Promise<KeyPersistence> =>
    database ? inTime(() => roundTrip(database, algorithm, usage), "untested") : "untested";
  try {
    const [aes, hmac, x25519, ed25519] = await Promise.all([
      kept({ name: "AES-GCM", length: 256 }, "encrypt"),
      kept({ name: "HMAC", hash: "SHA-256" }, "sign"),
      kept({ name: "X25519" }, "deriveBits"),
      kept({ name: "Ed25519" }, "sign"),
    ]);
    const keysInIndexedDB = { "AES-GCM": aes, HMAC: hmac, X25519: x25519, Ed25519: ed25519 };
    return { indexedDB: database !== undefined, opfs: await opfs, keysInIndexedDB };
  } finally {
    database?.close();
    if (database) succeeds(() => indexedDB.deleteDatabase(name));
  }
}

type KeyAlgorithmParameters = AesKeyGenParams | HmacKeyGenParams | { readonly name: string };

const STORE = "keys";

function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name);
  request.onupgradeneeded = () => void request.result.createObjectStore(STORE);
  return settled(request);
}

/** Writes a new key, reads it back in another transaction, and looks whether it still is one. */
async function roundTrip(
  database: IDBDatabase,
  algorithm: KeyAlgorithmParameters,
  usage: KeyUsage,
): Promise<KeyPersistence> {
  const made = await crypto.subtle.generateKey(algorithm, false, [usage]);
  const key = "privateKey" in made ? made.privateKey : made;
  const writing = database.transaction(STORE, "readwrite");
  try {
    await settled(writing.objectStore(STORE).put(key, algorithm.name));
  } catch {
    return "lost";
  }
  const read: unknown = await settled(database.transaction(STORE).objectStore(STORE).get(algorithm.name));
  return read instanceof CryptoKey && read.type === key.type ? "kept" : "lost";
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** The result, or `otherwise` for any failure and for no answer in time. */
async function inTime<T, U>(attempt: () => Promise<T>, otherwise: U): Promise<T | U> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<U>((resolve) => {
      timer = setTimeout(() => resolve(otherwise), PATIENCE);
    });
    return await Promise.race([attempt(), late]);
  } catch {
    return otherwise;
  } finally {
    clearTimeout(timer);
  }
}
