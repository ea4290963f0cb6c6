import type { Bytes, MaybePromise } from "../formats/bytes.js";

/** The format's hash functions. */
export type HashName = "SHA-256" | "SHA-512";

/** Digest lengths in bytes. */
export const HASH_BYTES: Readonly<Record<HashName, number>> = { "SHA-256": 32, "SHA-512": 64 };

/** The format's curves, by their JWK names (RFC 8037 §2). */
export type Curve = "X25519" | "Ed25519";

/** A backend's private key: opaque, usable only with the backend that made it. */
export interface PrivateKeyHandle {
  readonly backend: string;
}

/** A backend's public key, so that a recipient's key is parsed once for many recordings. */
export interface PublicKeyHandle {
  readonly backend: string;
}

/**
 * An imported AES-256-GCM key: 96-bit nonces, 128-bit tags (NIST SP 800-38D). Every backend throws a
 * RangeError for other nonce lengths, and consumes its input before the call returns: the buffer may be
 * reused at once.
 */
export interface AeadKey {
  /** @returns `ciphertext || tag`. */
  seal(nonce: Bytes, plaintext: Bytes, additionalData?: Bytes): MaybePromise<Bytes>;
  /**
   * @param ciphertext with its tag. @returns the plaintext.
   * @throws BlindreelError `authentication-failed`.
   */
  open(nonce: Bytes, ciphertext: Bytes, additionalData?: Bytes): MaybePromise<Bytes>;
  /** Synchronous backends only: `seal` into `output` at `offset`; `plaintext` may stand there or behind, and overlap. */
  sealInto?(nonce: Bytes, plaintext: Bytes, output: Bytes, offset: number): void;
  /** Synchronous backends only: `open` into `output` at `offset`. No byte is written on failure. */
  openInto?(nonce: Bytes, ciphertext: Bytes, output: Bytes, offset: number): void;
  /** Every answer is a buffer that nobody else holds. @internal */
  readonly givesBuffers?: true;
}

/** A key pair for agreements; the private half as the backend holds it. */
export interface X25519KeyPair {
  readonly publicKey: Bytes;
  readonly privateKey: PrivateKeyHandle;
}

/** A key pair for signatures; the private half as the backend holds it. */
export interface Ed25519KeyPair {
  readonly publicKey: Bytes;
  readonly privateKey: PrivateKeyHandle;
}

/**
 * The cryptography that the SDK needs, signatures apart. Backends: `webcrypto`, `node`, `noble`; the default
 * provider picks the one measured best for each operation. Results are immediate or promises.
 *
 * Keys and points are checked before they reach a backend, so that all backends accept the same ones: see
 * `keywrap/x25519.ts` (RFC 7748) and `crypto/ed25519.ts` (RFC 8032).
 */
export interface CryptoProvider {
  readonly name: string;
  /** Asynchronous AES-GCM calls of 16 KiB that a stream keeps in flight, about; 32 by default. */
  readonly callsInFlight?: number;
  /** Cryptographically secure bytes, unchecked; the SDK calls `randomBytes` of `crypto/random.ts`. */
  getRandomBytes(length: number): Bytes;
  digest(hash: HashName, message: Bytes): MaybePromise<Bytes>;
  /**
   * `digest` for messages of 16 KiB and more: by the platform where it has hashes, many times as fast as
   * JavaScript. `message` is consumed before the call returns.
   */
  digestBulk(hash: HashName, message: Bytes): MaybePromise<Bytes>;
  /** RFC 2104. Any key length. */
  hmac(hash: HashName, key: Bytes, message: Bytes): MaybePromise<Bytes>;
  /** @param key 32 bytes, consumed before the call returns. @throws RangeError for another length. */
  importAesGcmKey(key: Bytes): MaybePromise<AeadKey>;
  generateX25519(): MaybePromise<X25519KeyPair>;
  /** @param privateKey 32 bytes, clamped by the operation (RFC 7748 §5). */
  importX25519(privateKey: Bytes): MaybePromise<PrivateKeyHandle>;
  /** @param publicKey 32 bytes, checked by the caller. */
  importX25519PublicKey(publicKey: Bytes): MaybePromise<PublicKeyHandle>;
  /** The raw shared secret, 32 bytes. Zeros or an error for low-order points: callers check (RFC 7748 §6.1). */
  agreeX25519(privateKey: PrivateKeyHandle, publicKey: PublicKeyHandle): MaybePromise<Bytes>;
  /** Signatures of recordings; by default the runtime's (`crypto/signatures.ts`). */
  readonly signatures?: SignatureProvider;
  /** What agrees with P-256 recipients; unless given, the runtime's own (`crypto/p256.ts`). */
  readonly p256?: P256Provider;
}

/** A key pair of P-256, as its backend holds it. */
export interface P256KeyPair {
  /** An uncompressed point (SEC 1 §2.3.3), 65 bytes. */
  readonly publicKey: Bytes;
  readonly privateKey: PrivateKeyHandle;
}

/**
 * ECDH over P-256 (SP 800-56A §5.7.1.2), for recipients of slot type 6. Apart from the rest, as signatures are. Points and
 * scalars reach a backend only after the checks of `keywrap/p256.ts`.
 */
export interface P256Provider {
  readonly name: string;
  generate(): MaybePromise<P256KeyPair>;
  /** @param scalar 32 bytes, 1 … n - 1. @returns its point, 65 bytes. */
  derivePublicKey(scalar: Bytes): MaybePromise<Bytes>;
  /** @param publicKey the point that belongs to `scalar`. */
  importPrivate(scalar: Bytes, publicKey: Bytes): MaybePromise<PrivateKeyHandle>;
  importPublic(publicKey: Bytes): MaybePromise<PublicKeyHandle>;
  /** The x coordinate of the shared point, 32 bytes. */
  agree(privateKey: PrivateKeyHandle, publicKey: PublicKeyHandle): MaybePromise<Bytes>;
}

/**
 * Ed25519, for recordings only: bundles for sealed files leave it out. The SDK calls it through `signEd25519`
 * and `verifyEd25519` of `crypto/ed25519.ts`, which add the strict checks.
 */
export interface SignatureProvider {
  readonly name: string;
  /** @param seed 32 bytes (RFC 8032 §5.1.5). */
  importEd25519(seed: Bytes): MaybePromise<PrivateKeyHandle>;
  /** A new signing key; with WebCrypto the private half is a non-extractable `CryptoKey`. */
  generateEd25519(): MaybePromise<Ed25519KeyPair>;
  /** The public half of a seed (RFC 8032 §5.1.5), for signing keys stored as bytes. */
  deriveEd25519PublicKey(seed: Bytes): MaybePromise<Bytes>;
  /** @param privateKey a handle of this backend. */
  signEd25519(privateKey: PrivateKeyHandle, message: Bytes): MaybePromise<Bytes>;
  /** The cofactorless equation alone, without the strict checks. */
  verifyEd25519(publicKey: Bytes, message: Bytes, signature: Bytes): MaybePromise<boolean>;
}

/** A backend that brings its signatures and P-256 with it. */
export interface CompleteProvider extends CryptoProvider {
  readonly signatures: SignatureProvider;
  readonly p256: P256Provider;
}
