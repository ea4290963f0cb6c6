import { generateKey } from "./webcrypto.js";

/** Probes of features other than cryptography. They never throw and leave nothing behind. */

/** Optional features of web streams, none of which the SDK needs. */
export interface StreamSupport {
  /** BYOB readers (`type: "bytes"`). Missing in WebKit. */
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
      // Cancelled: an open transferred stream keeps Deno running.
      structuredClone(stream, { transfer: [stream] })
        .cancel()
        .catch(() => {});
    }),
  };
}

/** WebCodecs with readable tracks: Chromium's windows. Firefox has the encoders and not the tracks. WebKitGTK says that it records, and was seen to record nothing. */
export function probeCapture(): "webcodecs" | "media-recorder" | "none" {
  if (has("MediaStreamTrackProcessor", "VideoEncoder", "AudioEncoder", "VideoFrame")) return "webcodecs";
  const records = ["video/webm;codecs=vp8", "video/mp4"].some(
    (type) => has("MediaRecorder") && MediaRecorder.isTypeSupported(type),
  );
  return records ? "media-recorder" : "none";
}

/** What feeds a media element in `blindreel/player`. Workers may have media sources, but no elements. */
export function probePlayback(): "media-source" | "managed-media-source" | "none" {
  if (!has("HTMLMediaElement")) return "none";
  if (has("MediaSource")) return "media-source";
  return has("ManagedMediaSource") ? "managed-media-source" : "none";
}

function has(...names: readonly string[]): boolean {
  return names.every((name) => typeof (globalThis as Record<string, unknown>)[name] === "function");
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

/** Round trip of a key through IndexedDB; `untested` without IndexedDB or without the algorithm. */
export type KeyPersistence = "kept" | "lost" | "untested";

/** What a journal can be kept in here. */
export interface StorageSupport {
  readonly indexedDB: boolean;
  /** Origin private file system (`navigator.storage.getDirectory`). */
  readonly opfs: boolean;
  /** Persistence of non-extractable `CryptoKey`s. */
  readonly keysInIndexedDB: Readonly<Record<"AES-GCM" | "HMAC" | "X25519" | "Ed25519", KeyPersistence>>;
}

/** Milliseconds. Some browsers' storage never answers in private windows. */
const PROBE_TIMEOUT = 3000;

export async function probeStorage(): Promise<StorageSupport> {
  const name = `blindreel-capabilities-${Date.now()}-${performance.now()}`;
  const opfs = withTimeout(async () => (await navigator.storage.getDirectory()) !== undefined, false);
  const database = await withTimeout(() => createProbeDatabase(name), undefined);
  const kept = async (algorithm: KeyAlgorithmParameters, usage: KeyUsage): Promise<KeyPersistence> =>
    database ? withTimeout(() => roundTrip(database, algorithm, usage), "untested") : "untested";
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

const PROBE_STORE = "keys";

function createProbeDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name);
  request.onupgradeneeded = () => void request.result.createObjectStore(PROBE_STORE);
  return resultOf(request);
}

/** Writes a new key and reads it back in another transaction. */
async function roundTrip(
  database: IDBDatabase,
  algorithm: KeyAlgorithmParameters,
  usage: KeyUsage,
): Promise<KeyPersistence> {
  const generated = await generateKey(algorithm, [usage]);
  const key = "privateKey" in generated ? generated.privateKey : generated;
  const writing = database.transaction(PROBE_STORE, "readwrite");
  try {
    await resultOf(writing.objectStore(PROBE_STORE).put(key, algorithm.name));
  } catch {
    return "lost";
  }
  const reading = database.transaction(PROBE_STORE);
  const read: unknown = await resultOf(reading.objectStore(PROBE_STORE).get(algorithm.name));
  return read instanceof CryptoKey && read.type === key.type ? "kept" : "lost";
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @returns the probe's result; `otherwise` on failure and after {@link PROBE_TIMEOUT}. */
async function withTimeout<T, U>(probe: () => Promise<T>, otherwise: U): Promise<T | U> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const timeout = new Promise<U>((resolve) => {
      timer = setTimeout(() => resolve(otherwise), PROBE_TIMEOUT);
    });
    return await Promise.race([probe(), timeout]);
  } catch {
    return otherwise;
  } finally {
    clearTimeout(timer);
  }
}
