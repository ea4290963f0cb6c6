/**
 * `blindreel/identity-store`: private keys in a browser (IndexedDB), as keys that scripts can use and not read where the browser
 * keeps such keys, else as identity files.
 *
 * @module blindreel/identity-store
 * @category Institution
 */
import { BlindreelError, invalidRecipients, isBlindreelError, wrongType } from "../errors.js";
import { bytesArgument } from "../formats/bytes.js";
import { asGiven, type Checks, readOptions } from "../formats/options.js";
import { checkExpected, thumbprintArgument } from "../keywrap/expected.js";
import { type ExportableIdentity, importIdentity, type KeyIdentity } from "../keywrap/import.js";
import type { Identity, Recipient } from "../keywrap/types.js";
import { openDatabase, putKey, settled, written } from "../storage/database.js";
import { isStorageFull } from "../storage/faults.js";
import type { IdentityFiles } from "./change-protection.js";
import {
  exportableArgument,
  type ProtectableKey,
  protectIdentity,
  type UnlockIdentityOptions,
  unlockIdentity,
} from "./identity-file.js";

/** How an identity is kept: as a key of the platform, which leaves no script; or as a sealed file. */
export type IdentityForm = "platform" | "sealed";

/** Options of `save` of an identity store. */
export interface SaveIdentityOptions {
  /** For the sealed file where the browser keeps no such key: a passphrase, passkeys, other identities. */
  readonly to?: Recipient | readonly Recipient[];
  /** Write the file and no platform key: it is then asked for at every `load`. */
  readonly form?: IdentityForm;
}

/** Options of `load` of an identity store. */
export interface LoadIdentityOptions<K extends ProtectableKey = ExportableIdentity<KeyIdentity>>
  extends Pick<UnlockIdentityOptions<K>, "importKey"> {
  /** Open the sealed file; not needed for a platform key. */
  readonly identities?: Identity | readonly Identity[];
}

/** A private key in an identity store. */
export interface StoredIdentity {
  /** 64 hex digits. */
  readonly thumbprint: string;
  readonly form: IdentityForm;
}

/** Private keys that a browser keeps. */
export interface IdentityStore {
  /**
   * Keeps a key, in place of an older copy: X25519 and P-256 as platform keys, which count as kept once they were read back,
   * used, and had the right thumbprint; others sealed. Keep another copy elsewhere: browsers delete what they store when they
   * see fit.
   *
   * @returns the form in which it was kept.
   * @throws BlindreelError `invalid-recipients` where the browser keeps no such key and `to` is not given; errors of
   *   `protectIdentity`; `storage-full`, `storage-failed`.
   */
  save(identity: ProtectableKey, options?: SaveIdentityOptions): Promise<IdentityForm>;
  /**
   * @param thumbprint full, 64 hex digits: whoever can write to the store could offer a pair of their own.
   * @returns undefined where there is none, or the browser lost it.
   * @throws BlindreelError `unexpected-identity`, `invalid-key`; for a sealed file those of `unlockIdentity`, `no-matching-key`
   *   without `identities`; `storage-failed`.
   */
  load<K extends ProtectableKey = ExportableIdentity<KeyIdentity>>(
    thumbprint: string,
    options?: LoadIdentityOptions<K>,
  ): Promise<KeyIdentity | K | undefined>;
  list(): Promise<readonly StoredIdentity[]>;
  /** No error where there is none. Erasing is up to the browser and the disk: the bytes may stay there for a while. */
  remove(thumbprint: string): Promise<void>;
  /** The sealed files by thumbprint, for `changeProtection`. */
  readonly files: IdentityFiles;
}

const PRIVATE = "private keys";
const PUBLIC = "public keys";
const FILES = "identity files";
const STORES = [PRIVATE, PUBLIC, FILES];

const SAVE: Checks<SaveIdentityOptions> = {
  to: asGiven,
  form(name, value) {
    if (value === "platform" || value === "sealed") return value;
    throw wrongType(name, '"platform" or "sealed"', value);
  },
};
const LOAD = { identities: asGiven, importKey: asGiven };

/**
 * A browser's store of private keys.
 *
 * @param name of the database.
 * @throws BlindreelError `unsupported-runtime` where there is no IndexedDB.
 */
export function identityStore(name = "blindreel-identities"): IdentityStore {
  if (typeof indexedDB === "undefined") {
    const operation = "indexedDB";
    throw new BlindreelError("unsupported-runtime", "this runtime has no IndexedDB", { operation });
  }

  async function holding<T>(action: (database: IDBDatabase) => Promise<T>): Promise<T> {
    let database: IDBDatabase | undefined;
    try {
      database = await openDatabase(name, STORES);
      return await action(database);
    } catch (error) {
      throw storageFault(error);
    } finally {
      database?.close();
    }
  }
  const write = (change: Parameters<typeof written>[2]): Promise<void> =>
    holding((database) => written(database, STORES, change));
  const get = (store: string, key: string): Promise<unknown> =>
    holding((database) => settled(database.transaction(store).objectStore(store).get(key)));
  const keysOf = (store: string): Promise<string[]> =>
    holding((database) => settled(database.transaction(store).objectStore(store).getAllKeys())) as never;

  /** Halves apart: one that a browser cannot give back takes what stands beside it with it. */
  async function platformPair(thumbprint: string): Promise<KeyIdentity | undefined> {
    const privateKey = (await get(PRIVATE, thumbprint)) as CryptoKey | null | undefined;
    const publicKey = (await get(PUBLIC, thumbprint)) as CryptoKey | null | undefined;
    if (!privateKey || !publicKey) return undefined;
    return checkExpected(await importIdentity({ privateKey, publicKey }), thumbprint);
  }

  /** An older sealed copy goes when the keys were read back. */
  async function isKept(identity: ProtectableKey): Promise<boolean> {
    const pair = await platformKeys(identity);
    if (!pair) return false;
    const { thumbprint } = identity;
    await write((store) => {
      putKey(store(PRIVATE), pair.privateKey, thumbprint);
      putKey(store(PUBLIC), pair.publicKey, thumbprint);
    });
    const isThere = await platformPair(thumbprint).then(Boolean, () => false);
    await write((store) => {
      if (!isThere) return removeKeys(store, thumbprint);
      // As long as the keys are there: a sealed copy that was saved meanwhile took them away.
      const kept = store(PRIVATE).count(thumbprint);
      kept.onsuccess = () => {
        if (kept.result > 0) store(FILES).delete(filesOf(thumbprint));
      };
    });
    return isThere;
  }

  return {
    async save(identity, given) {
      const { to, form } = readOptions<SaveIdentityOptions>("options", given, SAVE);
      exportableArgument("identity", identity);
      if (form !== "sealed" && (await isKept(identity))) return "platform";
      if (form === "platform" || to === undefined) throw notKept();
      const file = await protectIdentity(identity, { to });
      const { thumbprint } = identity;
      await write((store) => {
        store(FILES).delete(filesOf(thumbprint));
        store(FILES).put(file, thumbprint);
        removeKeys(store, thumbprint);
      });
      return "sealed";
    },
    async load<K extends ProtectableKey>(thumbprint: string, given?: LoadIdentityOptions<K>) {
      const expected = thumbprintArgument("thumbprint", thumbprint);
      const options = readOptions<LoadIdentityOptions<K>>("options", given, LOAD);
      const { identities = [], ...rest } = options;
      const identity = await platformPair(expected);
      if (identity) return identity;
      const file = (await get(FILES, expected)) as Uint8Array | undefined;
      return file && unlockIdentity<K>(file, { ...rest, identities, expected });
    },
    async list() {
      const platform = (await keysOf(PRIVATE)).map(
        (thumbprint) => ({ thumbprint, form: "platform" }) as const,
      );
      const files = (await keysOf(FILES)).filter((file) => /^[0-9a-f]{64}$/.test(file));
      const sealed = files.map((thumbprint) => ({ thumbprint, form: "sealed" }) as const);
      return [...platform, ...sealed];
    },
    remove: (thumbprint) =>
      write((store) => {
        removeKeys(store, thumbprint);
        store(FILES).delete(filesOf(thumbprint));
      }),
    files: {
      async read(file) {
        return bytesArgument("the stored identity file", await get(FILES, file));
      },
      write: (file, bytes) => write((store) => store(FILES).put(bytes.slice(), file)),
      rename: (from, to) =>
        write((store, refuse) => {
          const moved = store(FILES).get(from);
          moved.onsuccess = () => {
            if (!moved.result) return refuse(new Error("there is no such file"));
            store(FILES).put(moved.result, to);
            store(FILES).delete(from);
          };
        }),
      remove: (file) => write((store) => store(FILES).delete(file)),
    },
  };
}

/** An identity's file, and what `changeProtection` left beside it in a crash: names of it and a full stop. */
const filesOf = (thumbprint: string): IDBKeyRange =>
  IDBKeyRange.bound(thumbprint, `${thumbprint}/`, false, true);

function removeKeys(store: (name: string) => IDBObjectStore, thumbprint: string): void {
  for (const half of [PRIVATE, PUBLIC]) store(half).delete(thumbprint);
}

/** Non-extractable; undefined where the platform has no such keys. */
async function platformKeys(identity: ProtectableKey): Promise<CryptoKeyPair | undefined> {
  const { subtle } = globalThis.crypto;
  const { d, ...publicJwk } = identity.toJwk() as JsonWebKey;
  const algorithm = publicJwk.kty === "EC" ? { name: "ECDH", namedCurve: "P-256" } : { name: "X25519" };
  try {
    const [privateKey, publicKey] = await Promise.all([
      subtle.importKey("jwk", { ...publicJwk, ...(d && { d }) }, algorithm, false, ["deriveBits"]),
      subtle.importKey("jwk", publicJwk, algorithm, true, []),
    ]);
    return { privateKey, publicKey };
  } catch {
    return undefined;
  }
}

function notKept(): BlindreelError<"invalid-recipients"> {
  return invalidRecipients(
    "this browser keeps no keys of this kind: give recipients for a sealed file (to), such as a passphrase",
  );
}

function storageFault(cause: unknown): BlindreelError {
  if (isBlindreelError(cause)) return cause;
  return isStorageFull(cause)
    ? new BlindreelError("storage-full", "there is no room left for identities", undefined, { cause })
    : new BlindreelError("storage-failed", "the identity store failed", undefined, { cause });
}
