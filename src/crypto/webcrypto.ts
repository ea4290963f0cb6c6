import { authenticationFailed, BlindreelError } from "../errors.js";
import { type Bytes, concatBytes, EMPTY } from "../formats/bytes.js";
import { TAG_LENGTH } from "../formats/constants.js";
import { decodeBase64Url, decodeHex } from "../formats/encoding.js";
import { checkAeadKey, checkNonce } from "./aead.js";
import { HASH_BYTES } from "./hkdf.js";
import type { AeadKey, CryptoProvider, HashName, PrivateKeyHandle, PublicKeyHandle } from "./provider.js";

interface WebCryptoKey extends PrivateKeyHandle, PublicKeyHandle {
  readonly key: CryptoKey;
}

/** PKCS#8 in front of a raw private key (RFC 8410 §7); WebCrypto imports raw bytes only for public keys. */
const PKCS8_PREFIX = {
  X25519: /* @__PURE__ */ decodeHex("302e020100300506032b656e04220420"),
  Ed25519: /* @__PURE__ */ decodeHex("302e020100300506032b657004220420"),
} as const;

/** `crypto.subtle`, absent in insecure contexts. @throws BlindreelError `unsupported-runtime`. */
function subtle(): SubtleCrypto {
  const found = globalThis.crypto?.subtle;
  if (!found) throw unsupported("crypto.subtle (is this page on http:?)");
  return found;
}

function unsupported(operation: string): BlindreelError<"unsupported-runtime"> {
  return new BlindreelError("unsupported-runtime", `this runtime has no ${operation}`, { operation });
}

/** `crypto.getRandomValues` in calls of at most 64 KiB, its quota. @throws BlindreelError `unsupported-runtime`. */
export function platformRandomBytes(length: number): Bytes {
  const source = globalThis.crypto;
  if (typeof source?.getRandomValues !== "function") throw unsupported("secure random source");
  const bytes = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += 65536) {
    source.getRandomValues(bytes.subarray(offset, offset + 65536));
  }
  return bytes;
}

/** Wraps the platform's answer and refuses one of a wrong length: a broken or replaced `crypto.subtle`. */
function exactly(length: number, operation: string, buffer: ArrayBuffer): Bytes {
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== length) {
    throw new BlindreelError("provider-fault", `${operation} returned a wrong length`, undefined);
  }
  return new Uint8Array(buffer);
}

async function platformDigest(hash: HashName, message: Bytes): Promise<Bytes> {
  return exactly(HASH_BYTES[hash], hash, await subtle().digest(hash, message));
}

class WebCryptoAeadKey implements AeadKey {
  readonly #key: CryptoKey;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  async seal(nonce: Bytes, plaintext: Bytes, additionalData = EMPTY): Promise<Bytes> {
    checkNonce(nonce);
    const length = plaintext.length + TAG_LENGTH;
    const algorithm = { name: "AES-GCM", iv: nonce, additionalData, tagLength: 8 * TAG_LENGTH };
    return exactly(length, "AES-GCM encrypt", await subtle().encrypt(algorithm, this.#key, plaintext));
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
    return exactly(length, "AES-GCM decrypt", opened);
  }
}

function isNamed(error: unknown, name: string): boolean {
  return typeof error === "object" && error !== null && (error as { name?: unknown }).name === name;
}

async function importPrivate(name: "X25519" | "Ed25519", secret: Bytes): Promise<WebCryptoKey> {
  const usages: KeyUsage[] = name === "X25519" ? ["deriveBits"] : ["sign"];
  const pkcs8 = concatBytes(PKCS8_PREFIX[name], secret);
  // WebKitGTK refuses a private key that begins with a zero byte. Clamping clears these bits (RFC 7748 §5), so it is
  // the same key with them set.
  if (name === "X25519") pkcs8[PKCS8_PREFIX.X25519.length]! |= 0b111;
  const key = await subtle().importKey("pkcs8", pkcs8, { name }, false, usages);
  pkcs8.fill(0);
  return webCryptoHandle(key);
}

/** How often a platform may fail to make a key before that is its answer. */
const GENERATE_ATTEMPTS = 16;

/**
 * WebKitGTK fails to make a key whose private half begins with a zero byte, one in 256, with an OperationError. The
 * next draw is as good.
 */
async function generatePair(name: "X25519" | "Ed25519", usages: KeyUsage[]): Promise<CryptoKeyPair> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await subtle().generateKey({ name }, false, usages)) as CryptoKeyPair;
    } catch (error) {
      if (attempt === GENERATE_ATTEMPTS || !isNamed(error, "OperationError")) throw error;
    }
  }
}

/** Wraps a platform key, extractable or not, for {@link webCryptoProvider}. */
export function webCryptoHandle(key: CryptoKey): WebCryptoKey {
  return { backend: "webcrypto", key };
}

/** The platform key behind a handle, for storing it in IndexedDB; undefined where another backend holds the key. */
export function platformKeyOf(handle: PrivateKeyHandle): CryptoKey | undefined {
  return handle.backend === webCryptoProvider.name ? (handle as WebCryptoKey).key : undefined;
}

/** The platform's WebCrypto in browsers, workers, extensions, Node, Deno and Bun. Every operation is a promise. */
export const webCryptoProvider: CryptoProvider = {
  name: "webcrypto",
  getRandomBytes: platformRandomBytes,

  digest: platformDigest,
  digestBulk: platformDigest,

  async hmac(hash, key, message) {
    // An empty key cannot be imported; RFC 2104 pads keys with zeros, so one zero byte is the same key.
    const raw = key.length > 0 ? key : new Uint8Array(1);
    const imported = await subtle().importKey("raw", raw, { name: "HMAC", hash }, false, ["sign"]);
    return exactly(HASH_BYTES[hash], "HMAC", await subtle().sign("HMAC", imported, message));
  },

  async importAesGcmKey(key) {
    checkAeadKey(key);
    return new WebCryptoAeadKey(
      await subtle().importKey("raw", key, { name: "AES-GCM" }, false, ["encrypt", "decrypt"]),
    );
  },

  async generateX25519() {
    const pair = await generatePair("X25519", ["deriveBits"]);
    const publicKey = exactly(32, "X25519 export", await subtle().exportKey("raw", pair.publicKey));
    return { publicKey, privateKey: webCryptoHandle(pair.privateKey) };
  },

  importX25519: (privateKey) => importPrivate("X25519", privateKey),

  async importX25519PublicKey(publicKey) {
    return webCryptoHandle(await subtle().importKey("raw", publicKey, { name: "X25519" }, true, []));
  },

  async agreeX25519(privateKey, publicKey) {
    const algorithm = { name: "X25519", public: (publicKey as WebCryptoKey).key };
    return exactly(32, "X25519", await subtle().deriveBits(algorithm, (privateKey as WebCryptoKey).key, 256));
  },

  importEd25519: (seed) => importPrivate("Ed25519", seed),

  async generateEd25519() {
    const pair = await generatePair("Ed25519", ["sign", "verify"]);
    const publicKey = exactly(32, "Ed25519 export", await subtle().exportKey("raw", pair.publicKey));
    return { publicKey, privateKey: webCryptoHandle(pair.privateKey) };
  },

  /** WebCrypto tells the public half of an imported private key only by way of a JWK. */
  async deriveEd25519PublicKey(seed) {
    const pkcs8 = concatBytes(PKCS8_PREFIX.Ed25519, seed);
    const key = await subtle().importKey("pkcs8", pkcs8, { name: "Ed25519" }, true, ["sign"]);
    pkcs8.fill(0);
    const { x } = await subtle().exportKey("jwk", key);
    return exactly(32, "Ed25519 export", decodeBase64Url(x ?? "").buffer);
  },

  async signEd25519(privateKey, message) {
    const { key } = privateKey as WebCryptoKey;
    return exactly(64, "Ed25519 sign", await subtle().sign({ name: "Ed25519" }, key, message));
  },

  async verifyEd25519(publicKey, message, signature) {
    let imported: CryptoKey;
    try {
      imported = await subtle().importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
    } catch (error) {
      if (isNamed(error, "DataError")) return false;
      throw error;
    }
    // Nothing but `true` is true: a replaced `crypto.subtle` may answer anything.
    return (await subtle().verify({ name: "Ed25519" }, imported, signature, message)) === true;
  },
};
