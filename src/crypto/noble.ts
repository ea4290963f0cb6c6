import { gcm } from "@noble/ciphers/aes.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { authenticationFailed } from "../errors.js";
import { type Bytes, concatBytes, EMPTY } from "../formats/bytes.js";
import { KEY_LENGTH } from "../formats/constants.js";
import { checkAeadKey, checkNonce } from "./aead.js";
import { nobleDigest, nobleHmac } from "./noble-hash.js";
import type { AeadKey, CryptoProvider, PrivateKeyHandle, PublicKeyHandle } from "./provider.js";
import { randomBytes } from "./random.js";
import { platformRandomBytes } from "./webcrypto.js";

interface NobleKey extends PrivateKeyHandle {
  readonly secret: () => Bytes;
}

/** The closure keeps key bytes out of `console.log`, JSON and error reports. */
function handle(secret: Bytes): NobleKey {
  return { backend: "noble", secret: () => secret };
}

interface NoblePublicKey extends PublicKeyHandle {
  readonly bytes: Bytes;
}

function secretOf(key: PrivateKeyHandle): Bytes {
  return (key as NobleKey).secret();
}

class NobleAeadKey implements AeadKey {
  readonly #key: Bytes;

  constructor(key: Bytes) {
    checkAeadKey(key);
    this.#key = key.slice();
  }

  seal(nonce: Bytes, plaintext: Bytes, additionalData = EMPTY): Bytes {
    checkNonce(nonce);
    return gcm(this.#key, nonce, additionalData).encrypt(plaintext) as Bytes;
  }

  open(nonce: Bytes, ciphertext: Bytes, additionalData = EMPTY): Bytes {
    checkNonce(nonce);
    try {
      return gcm(this.#key, nonce, additionalData).decrypt(ciphertext) as Bytes;
    } catch {
      throw authenticationFailed();
    }
  }

  sealInto(nonce: Bytes, plaintext: Bytes, output: Bytes, offset: number): void {
    output.set(this.seal(nonce, plaintext), offset);
  }

  openInto(nonce: Bytes, ciphertext: Bytes, output: Bytes, offset: number): void {
    output.set(this.open(nonce, ciphertext), offset);
  }
}

/**
 * Everything in JavaScript, by the audited noble libraries. Slow for AES (about 40 MB/s), and its AES reads
 * tables by secret indices; used only for operations the platform does not have.
 */
export const nobleProvider: CryptoProvider = {
  name: "noble",
  getRandomBytes: platformRandomBytes,
  digest: nobleDigest,
  digestBulk: nobleDigest,
  hmac: nobleHmac,
  importAesGcmKey: (key) => new NobleAeadKey(key),
  generateX25519() {
    const secret = randomBytes(nobleProvider, KEY_LENGTH);
    return { publicKey: x25519.getPublicKey(secret) as Bytes, privateKey: handle(secret) };
  },
  importX25519: (privateKey) => handle(privateKey.slice()),
  importX25519PublicKey: (publicKey): NoblePublicKey => ({ backend: "noble", bytes: publicKey.slice() }),
  agreeX25519: (privateKey, publicKey) =>
    x25519.getSharedSecret(secretOf(privateKey), (publicKey as NoblePublicKey).bytes) as Bytes,
  importEd25519: (seed) => handle(seed.slice()),
  generateEd25519() {
    const seed = randomBytes(nobleProvider, KEY_LENGTH);
    return { publicKey: ed25519.getPublicKey(seed) as Bytes, privateKey: handle(seed) };
  },
  deriveEd25519PublicKey: (seed) => ed25519.getPublicKey(seed) as Bytes,
  signEd25519: (privateKey, message) => ed25519.sign(message, secretOf(privateKey)) as Bytes,
  /** noble's own `verify` multiplies by the cofactor, which the platforms do not: R = [S]B - [k]A, bytes compared. */
  verifyEd25519(publicKey, message, signature) {
    const { Point } = ed25519;
    const encodedR = signature.subarray(0, 32);
    const order = Point.Fn.ORDER;
    try {
      const pointA = Point.fromBytes(publicKey);
      const scalarS = bytesToScalar(signature.subarray(32));
      const k = bytesToScalar(sha512(concatBytes(encodedR, publicKey, message))) % order;
      const expectedR = Point.BASE.multiplyUnsafe(scalarS).subtract(pointA.multiplyUnsafe(k)).toBytes();
      return expectedR.every((byte, i) => byte === encodedR[i]);
    } catch {
      return false;
    }
  },
};

function bytesToScalar(littleEndian: Uint8Array): bigint {
  let value = 0n;
  for (let i = littleEndian.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(littleEndian[i]!);
  return value;
}
