import { gcm } from "@noble/ciphers/aes.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { concatBytes } from "@noble/hashes/utils.js";
import type { Bytes } from "../formats/bytes.js";
import type { NobleTools } from "./noble-tools.js";
import type {
  AeadKey,
  CompleteProvider,
  HashName,
  P256Provider,
  PrivateKeyHandle,
  PublicKeyHandle,
  SignatureProvider,
} from "./provider.js";

/** Of X25519 (RFC 7748 §5) and of an Ed25519 seed (RFC 8032 §5.1.5). */
const SECRET_LENGTH = 32;

const HASHES = { "SHA-256": sha256, "SHA-512": sha512 } as const;

interface NobleKey extends PrivateKeyHandle {
  readonly secret: () => Bytes;
}

/** A closure: key bytes stay out of `console.log`, JSON and error reports. */
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
  readonly #tools: NobleTools;

  constructor(key: Bytes, tools: NobleTools) {
    tools.checkAeadKey(key);
    this.#key = key.slice();
    this.#tools = tools;
  }

  seal(nonce: Bytes, plaintext: Bytes, additionalData?: Bytes): Bytes {
    this.#tools.checkNonce(nonce);
    return gcm(this.#key, nonce, additionalData).encrypt(plaintext) as Bytes;
  }

  open(nonce: Bytes, ciphertext: Bytes, additionalData?: Bytes): Bytes {
    this.#tools.checkNonce(nonce);
    try {
      return gcm(this.#key, nonce, additionalData).decrypt(ciphertext) as Bytes;
    } catch {
      throw this.#tools.authenticationFailed();
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
 * Every operation in JavaScript, by the audited noble libraries, for platforms that lack one. AES is slow
 * (about 40 MB/s) and not constant-time: its table lookups depend on secrets.
 *
 * Imports no code of the SDK: bundlers would move shared code out of the page's own file.
 */
export function makeNobleProvider(tools: NobleTools): CompleteProvider {
  const digest = (hash: HashName, message: Bytes): Bytes => HASHES[hash](message) as Bytes;
  const provider: CompleteProvider = {
    name: "noble",
    getRandomBytes: tools.getRandomBytes,
    digest,
    digestBulk: digest,
    hmac: (hash, key, message) => hmac(HASHES[hash], key, message) as Bytes,
    importAesGcmKey: (key) => new NobleAeadKey(key, tools),
    generateX25519() {
      const secret = tools.randomBytes(provider, SECRET_LENGTH);
      return { publicKey: x25519.getPublicKey(secret) as Bytes, privateKey: handle(secret) };
    },
    importX25519: (privateKey) => handle(privateKey.slice()),
    importX25519PublicKey: (publicKey): NoblePublicKey => ({ backend: "noble", bytes: publicKey.slice() }),
    agreeX25519: (privateKey, publicKey) =>
      x25519.getSharedSecret(secretOf(privateKey), (publicKey as NoblePublicKey).bytes) as Bytes,
    signatures: nobleSignatures(() => tools.randomBytes(provider, SECRET_LENGTH)),
    p256: nobleP256(() => tools.randomBytes(provider, p256.lengths.seed!)),
  };
  return provider;
}

function nobleP256(randomSeed: () => Bytes): P256Provider {
  const uncompressed = (scalar: Bytes): Bytes => p256.getPublicKey(scalar, false) as Bytes;
  return {
    name: "noble",
    generate() {
      // From the provider's source, checked: 48 bytes, reduced to 1 … n - 1 with a bias below 2^-128 (FIPS 186-5 §A.2.1).
      const secret = p256.utils.randomSecretKey(randomSeed()) as Bytes;
      return { publicKey: uncompressed(secret), privateKey: handle(secret) };
    },
    derivePublicKey: uncompressed,
    importPrivate: (scalar) => handle(scalar.slice()),
    importPublic: (publicKey): NoblePublicKey => ({ backend: "noble", bytes: publicKey.slice() }),
    agree: (privateKey, publicKey) =>
      p256.getSharedSecret(secretOf(privateKey), (publicKey as NoblePublicKey).bytes).slice(1, 33) as Bytes,
  };
}

function nobleSignatures(randomSeed: () => Bytes): SignatureProvider {
  return {
    name: "noble",
    importEd25519: (seed) => handle(seed.slice()),
    generateEd25519() {
      const seed = randomSeed();
      return { publicKey: ed25519.getPublicKey(seed) as Bytes, privateKey: handle(seed) };
    },
    deriveEd25519PublicKey: (seed) => ed25519.getPublicKey(seed) as Bytes,
    signEd25519: (privateKey, message) => ed25519.sign(message, secretOf(privateKey)) as Bytes,
    /** Cofactorless: encode([S]B - [k]A) = R (RFC 8032 §5.1.7). noble's `verify` uses the cofactor. */
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
}

function bytesToScalar(littleEndian: Uint8Array): bigint {
  let value = 0n;
  for (let i = littleEndian.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(littleEndian[i]!);
  return value;
}
