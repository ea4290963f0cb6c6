/** Numbers every call of the journal, the upload and the cryptography, and ends the process at one of them. */
import { closeSync, openSync, writeSync } from "node:fs";
import type { AeadKey, CryptoProvider } from "../../src/crypto/provider.js";
import type { Bytes } from "../../src/formats/bytes.js";
import type { JournalStore, OpenJournal } from "../../src/storage/store.js";

/** Where a process dies: around the how many-th call, from 1; or some time after it is ready, in milliseconds. */
export type Death =
  | { readonly call: number; readonly when: "before" | "after" }
  | { readonly delay: number; readonly when: "later" };

export interface Seams {
  readonly calls: number;
  around<T>(action: () => T): T;
  /** Writes a line to the log, which is there also when the process is not any more. */
  log(line: string): void;
  close(): void;
}

/** @param die what ends the process: `process.kill(process.pid, "SIGKILL")`. */
export function makeSeams(logFile: string, death: Death | undefined, die: () => void): Seams {
  const log = openSync(logFile, "a");
  let calls = 0;
  return {
    get calls() {
      return calls;
    },
    around(action) {
      const call = ++calls;
      const isDue = death !== undefined && "call" in death && death.call === call;
      if (isDue && death.when === "before") die();
      const result = action();
      if (!isDue || death.when !== "after") return result;
      if (!(result instanceof Promise)) die();
      return (result as Promise<unknown>).then((value) => {
        die();
        return value;
      }) as typeof result;
    },
    log: (line) => void writeSync(log, `${line}\n`),
    close: () => closeSync(log),
  };
}

type Method = (...given: unknown[]) => unknown;

/** `object` with a wrapper around each of its methods, whether own or inherited. */
function withMethods<T extends object>(object: T, wrap: (name: string, method: Method) => Method): T {
  const watched: Record<string, unknown> = {};
  for (let at: object = object; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const value: unknown = object[name as keyof T];
      if (name !== "constructor")
        watched[name] ??= typeof value === "function" ? wrap(name, value.bind(object)) : value;
    }
  }
  return watched as T;
}

const SEGMENT_LABEL = Buffer.from("blindreel/v1 segment\0");
/** Where a segment's header has track and index (format-v1, "Segment"). */
const [TRACK, INDEX] = [22, 26];

/** `crypto` with every call numbered; every pair of key and nonce, and every segment that is sealed, is in the log. */
export function watchedCrypto(crypto: CryptoProvider, seams: Seams): CryptoProvider {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  /** By the key of their stream: segments that may be sealed. */
  const segments = new Map<string, string>();
  const noteSegment = (message: Bytes, output: Bytes): void => {
    const at = Buffer.from(message).indexOf(SEGMENT_LABEL);
    // A stream's key is the beginning of its first block, which ends in 0x01.
    if (at < 0 || message.at(-1) !== 1) return;
    const header = Buffer.from(message).subarray(at + SEGMENT_LABEL.length);
    const name = `${header.readUInt16BE(TRACK)}/${header.readUInt32BE(INDEX)}`;
    segments.set(hex(output.subarray(0, 32)), name);
  };
  const watchedKey = (key: string, aead: AeadKey): AeadKey => {
    const note = (nonce: Bytes): void => {
      const segment = segments.get(key);
      if (segment) seams.log(`sealed ${segment}`);
      segments.delete(key);
      seams.log(`pair ${key} ${hex(nonce)}`);
    };
    return withMethods(aead, (name, method) => (...given) => {
      if (name.startsWith("seal")) note(given[0] as Bytes);
      return seams.around(() => method(...given));
    });
  };
  const watched = withMethods(crypto, (name, method) => {
    if (name === "hmac") {
      return (...given) => {
        const [hash, , message] = given as [string, Bytes, Bytes];
        const result = seams.around(() => method(...given)) as Bytes | Promise<Bytes>;
        if (hash !== "SHA-512") return result;
        if (!(result instanceof Promise)) noteSegment(message, result);
        else result.then((output) => noteSegment(message, output));
        return result;
      };
    }
    if (name === "importAesGcmKey") {
      return (...given) => {
        const key = hex(given[0] as Bytes);
        const result = seams.around(() => method(...given)) as AeadKey | Promise<AeadKey>;
        return result instanceof Promise
          ? result.then((aead) => watchedKey(key, aead))
          : watchedKey(key, result);
      };
    }
    return (...given) => seams.around(() => method(...given));
  });
  const { signatures } = crypto;
  if (!signatures) return watched;
  const watchedSignatures = withMethods(
    signatures,
    (_name, method) =>
      (...given) =>
        seams.around(() => method(...given)),
  );
  return { ...watched, signatures: watchedSignatures };
}

/** `store` with every call numbered. */
export function watchedStore(store: JournalStore, seams: Seams): JournalStore {
  const watch = <T extends object>(object: T): T =>
    withMethods(
      object,
      (_name, method) =>
        (...given) =>
          seams.around(() => method(...given)),
    );
  const watched = watch(store);
  return {
    ...watched,
    create: async (name, options) => watch<OpenJournal>(await watched.create(name, options)),
    async open(name, options) {
      const { journal, records } = await watched.open(name, options);
      return { records, journal: watch(journal) };
    },
  };
}
