import { authenticationFailed, BlindreelError, providerFault } from "../errors.js";
import { isArrayBuffer } from "../formats/brand.js";
import { type Bytes, concatBytes, EMPTY, wipe } from "../formats/bytes.js";
import { KEY_LENGTH, TAG_LENGTH } from "../formats/constants.js";
import { X25519_PKCS8 } from "../formats/der.js";
import { checkAeadKey, checkNonce } from "./aead.js";
import {
  type AeadKey,
  type CryptoProvider,
  type Curve,
  HASH_BYTES,
  type HashName,
  type PrivateKeyHandle,
  type PublicKeyHandle,
  type X25519KeyPair,
} from "./provider.js";

/** @internal */
export interface WebCryptoKey extends PrivateKeyHandle, PublicKeyHandle {
  readonly key: CryptoKey;
}

/** `crypto.subtle`, absent in insecure contexts. @throws BlindreelError `unsupported-runtime`. @internal */
export function subtle(): SubtleCrypto {
  const found = globalThis.crypto?.subtle;
  if (!found) throw unsupported("crypto.subtle (is this page on http:?)");
  return found;
}

function unsupported(operation: string): BlindreelError<"unsupported-runtime"> {
  return new BlindreelError("unsupported-runtime", `this runtime has no ${operation}`, { operation });
}

/**
 * `crypto.getRandomValues` in calls of 64 KiB, its quota.
 *
 * @throws BlindreelError `unsupported-runtime` where it is missing, `bad-random` where it fails.
 */
export function platformRandomBytes(length: number): Bytes {
  const source = globalThis.crypto;
  if (typeof source?.getRandomValues !== "function") throw unsupported("secure random source");
  const bytes = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += 65536) {
    try {
      source.getRandomValues(bytes.subarray(offset, offset + 65536));
    } catch (cause) {
      throw new BlindreelError("bad-random", "the random source failed", undefined, { cause });
    }
  }
  return bytes;
}

/**
 * The platform's result as bytes. A wrong length means a broken or replaced `crypto.subtle`.
 *
 * @throws BlindreelError `provider-fault`.
 */
export function expectBytes(length: number, operation: string, buffer: ArrayBuffer): Bytes {
  if (!isArrayBuffer(buffer) || buffer.byteLength !== length) {
    throw providerFault(`${operation} returned a wrong length`);
  }
  return new Uint8Array(buffer);
}

/** {@link expectBytes} for keys. @internal */
export function expectKey(type: KeyType, operation: string, key: CryptoKey | undefined): CryptoKey {
  if (key?.type !== type) throw providerFault(`${operation} returned no ${type} key`);
  return key;
}

/** Extractable by default: public keys only. */
async function importKey(
  type: KeyType,
  format: "raw" | "pkcs8",
  bytes: Bytes,
  algorithm: string | HmacImportParams | KeyAlgorithm,
  usages: KeyUsage[],
  extractable = type === "public",
): Promise<CryptoKey> {
  return expectKey(
    type,
    "importKey",
    await subtle().importKey(format, bytes, algorithm, extractable, usages),
  );
}

/** @internal */
export function importPublic(name: Curve, raw: Bytes, usages: KeyUsage[]): Promise<CryptoKey> {
  return importKey("public", "raw", raw, { name }, usages);
}

/** Wipes `pkcs8`. @internal */
export async function importPrivate(
  name: Curve,
  pkcs8: Bytes,
  usage: KeyUsage,
  { extractable = false } = {},
): Promise<CryptoKey> {
  try {
    return await importKey("private", "pkcs8", pkcs8, { name }, [usage], extractable);
  } finally {
    wipe(pkcs8);
  }
}

const GENERATE_ATTEMPTS = 16;

/** Retries: WebKitGTK throws an OperationError for keys with a leading zero byte, one in 256. @internal */
export async function generateKey(
  algorithm: { readonly name: string },
  usages: KeyUsage[],
): Promise<CryptoKey | CryptoKeyPair> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await subtle().generateKey(algorithm, false, usages);
    } catch (error) {
      if (attempt === GENERATE_ATTEMPTS || !isNamed(error, "OperationError")) throw error;
    }
  }
}

/** @internal */
export async function generatePair(name: Curve, usages: KeyUsage[]): Promise<X25519KeyPair> {
  const pair = (await generateKey({ name }, usages)) as Partial<CryptoKeyPair> | undefined;
  const privateKey = expectKey("private", "generateKey", pair?.privateKey);
  const exported = await subtle().exportKey("raw", expectKey("public", "generateKey", pair?.publicKey));
  return {
    publicKey: expectBytes(KEY_LENGTH, `${name} export`, exported),
    privateKey: webCryptoHandle(privateKey),
  };
}

async function platformDigest(hash: HashName, message: Bytes): Promise<Bytes> {
  return expectBytes(HASH_BYTES[hash], hash, await subtle().digest(hash, message));
}

class WebCryptoAeadKey implements AeadKey {
  readonly givesBuffers = true;
  readonly #key: CryptoKey;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  async seal(nonce: Bytes, plaintext: Bytes, additionalData = EMPTY): Promise<Bytes> {
    checkNonce(nonce);
    const length = plaintext.length + TAG_LENGTH;
    const algorithm = { name: "AES-GCM", iv: nonce, additionalData, tagLength: 8 * TAG_LENGTH };
    return expectBytes(length, "AES-GCM encrypt", await subtle().encrypt(algorithm, this.#key, plaintext));
  }

  async open(nonce: Bytes, ciphertext: Bytes, additionalData = EMPTY): Promise<Bytes> {
    checkNonce(nonce);
    const length = ciphertext.length - TAG_LENGTH;
    if (length < 0) throw authenticationFailed();
    const algorithm = { name: "AES-GCM", iv: nonce, additionalData, tagLength: 8 * TAG_LENGTH };
    let opened: ArrayBuffer;
    try {
      opened = await subtle().decrypt(algorithm, this.#key, ciphertext);
    } catch (error) {
      if (isNamed(error, "OperationError")) throw authenticationFailed();
      throw error;
    }
    return expectBytes(length, "AES-GCM decrypt", opened);
  }
}

export function isNamed(error: unknown, name: string): boolean {
  return typeof error === "object" && error !== null && (error as { name?: unknown }).name === name;
}

/** Wraps a platform key, extractable or not, for {@link webCryptoProvider}. @internal */
export function webCryptoHandle(key: CryptoKey): WebCryptoKey {
  return { backend: "webcrypto", key };
}

/** A handle's platform key, for storage in IndexedDB; undefined for other backends. @internal */
export function platformKeyOf(handle: PrivateKeyHandle): CryptoKey | undefined {
  return handle.backend === webCryptoProvider.name ? (handle as WebCryptoKey).key : undefined;
}

/** WebCrypto in browsers, workers, extensions, Node, Deno and Bun. Every operation is asynchronous. */
export const webCryptoProvider: CryptoProvider = {
  name: "webcrypto",
  getRandomBytes: platformRandomBytes,

  digest: platformDigest,
  digestBulk: platformDigest,

  async hmac(hash, key, message) {
    // WebCrypto refuses empty keys; one zero byte is the same key (RFC 2104 §2 pads with zeros).
    const raw = key.length > 0 ? key : new Uint8Array(1);
    const imported = await importKey("secret", "raw", raw, { name: "HMAC", hash }, ["sign"]);
    return expectBytes(HASH_BYTES[hash], "HMAC", await subtle().sign("HMAC", imported, message));
  },

  async importAesGcmKey(key) {
    checkAeadKey(key);
    return new WebCryptoAeadKey(await importKey("secret", "raw", key, "AES-GCM", ["encrypt", "decrypt"]));
  },

  generateX25519: () => generatePair("X25519", ["deriveBits"]),

  async importX25519(privateKey) {
    // WebCrypto imports raw bytes for public keys only.
    const pkcs8 = concatBytes(X25519_PKCS8, privateKey);
    // WebKitGTK refuses private keys with a leading zero byte. Clamping clears these bits (RFC 7748 §5): the
    // same key.
    pkcs8[X25519_PKCS8.length]! |= 0b111;
    return webCryptoHandle(await importPrivate("X25519", pkcs8, "deriveBits"));
  },

  importX25519PublicKey: async (publicKey) => webCryptoHandle(await importPublic("X25519", publicKey, [])),

  async agreeX25519(privateKey, publicKey) {
    const algorithm = { name: "X25519", public: (publicKey as WebCryptoKey).key };
    const { key } = privateKey as WebCryptoKey;
    return expectBytes(KEY_LENGTH, "X25519", await subtle().deriveBits(algorithm, key, 8 * KEY_LENGTH));
  },
};
