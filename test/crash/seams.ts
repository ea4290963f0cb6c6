/** Numbers every call of the journal, the upload and the cryptography, and ends the process at one of them. */
import { closeSync, openSync, writeSync } from "node:fs";
import type { AeadKey, CryptoProvider } from "../../src/crypto/provider.js";
import type { Bytes } from "../../src/formats/bytes.js";
import type { JournalStore, OpenJournal } from "../../src/storage/store.js";

/** Where a process dies: around the how many-th call, from 1. */
export interface Death {
  readonly call: number;
  readonly when: "before" | "after";
}

export interface Seams {
  readonly calls: number;
  around<T>(name: string, action: () => T): T;
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
    around(_name, action) {
      const call = ++calls;
      if (death?.call === call && death.when === "before") die();
      const result = action();
      const after = (): void => {
        if (death?.call === call && death.when === "after") die();
      };
      if (result instanceof Promise) {
        return result.then((value) => {
          after();
          return value;
        }) as typeof result;
      }
      after();
      return result;
    },
    log: (line) => void writeSync(log, `${line}\n`),
    close: () => closeSync(log),
  };
}

const SEGMENT_LABEL = Buffer.from("blindreel/v1 segment\0");

/** `crypto` with every call numbered, and every pair of key and nonce, and every segment entered, in the log. */
export function watchedCrypto(crypto: CryptoProvider, seams: Seams): CryptoProvider {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const watched: Record<string, unknown> = { ...crypto };
  for (const [name, method] of Object.entries(crypto)) {
    if (typeof method !== "function") continue;
    watched[name] = (...given: unknown[]) =>
      seams.around(name, () => (method as (...args: unknown[]) => unknown).apply(crypto, given));
  }
  watched.hmac = (hash: "SHA-256" | "SHA-512", key: Bytes, message: Bytes) => {
    const at = Buffer.from(message.buffer, message.byteOffset, message.length).indexOf(SEGMENT_LABEL);
    // A stream's key is derived in several blocks; the first ends in 0x01.
    if (at >= 0 && hash === "SHA-512" && message.at(-1) === 1) {
      const header = Buffer.from(message).subarray(at + SEGMENT_LABEL.length);
      seams.log(`segment ${header.readUInt32BE(22)}/${header.readUInt32BE(26)}`);
    }
    return seams.around("hmac", () => crypto.hmac(hash, key, message));
  };
  watched.importAesGcmKey = (key: Bytes) => {
    const name = hex(key);
    const aead = seams.around("importAesGcmKey", () => crypto.importAesGcmKey(key)) as AeadKey;
    return {
      ...aead,
      seal: (nonce, plaintext, aad) => {
        seams.log(`pair ${name} ${hex(nonce)}`);
        return seams.around("seal", () => aead.seal(nonce, plaintext, aad));
      },
      sealInto: (nonce, plaintext, output, offset) => {
        seams.log(`pair ${name} ${hex(nonce)}`);
        seams.around("sealInto", () => aead.sealInto!(nonce, plaintext, output, offset));
      },
    } satisfies AeadKey;
  };
  return watched as unknown as CryptoProvider;
}

/** `store` with every call numbered. */
export function watchedStore(store: JournalStore, seams: Seams): JournalStore {
  const watch = (journal: OpenJournal): OpenJournal =>
    Object.fromEntries(
      Object.entries(journal).map(([name, method]) => [
        name,
        (...given: unknown[]) =>
          seams.around(name, () => (method as (...args: unknown[]) => unknown).apply(journal, given)),
      ]),
    ) as unknown as OpenJournal;
  return {
    keyForm: store.keyForm,
    list: () => seams.around("list", () => store.list()),
    async open(name, mode) {
      const { journal, ...found } = await seams.around("open", () => store.open(name, mode));
      return { ...found, journal: watch(journal) };
    },
  };
}
