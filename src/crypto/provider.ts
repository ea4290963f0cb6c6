import type { Bytes, MaybePromise } from "../formats/bytes.js";

/** Hash functions the format uses. */
export type HashName = "SHA-256" | "SHA-512";

/** A private key as its backend holds it; opaque, and usable only with the backend that made it. */
export interface PrivateKeyHandle {
  readonly backend: string;
}

/** A public key as its backend holds it, so that a recipient's key is parsed once for many recordings. */
export interface PublicKeyHandle {
  readonly backend: string;
}

/**
 * An AES-256-GCM key ready for use: 96-bit nonces, 128-bit tags (NIST SP 800-38D). Every backend refuses nonces of
 * another length with a RangeError.
 */
export interface AeadKey {
  /**
   * @returns ciphertext with the tag behind it. `plaintext` is consumed before the call returns, so its buffer
   *   may be reused at once.
   */
  seal(nonce: Bytes, plaintext: Bytes, additionalData?: Bytes): MaybePromise<Bytes>;
  /**
   * @returns the plaintext. `ciphertext` is consumed before the call returns.
   * @throws BlindreelError `authentication-failed`.
   */
  open(nonce: Bytes, ciphertext: Bytes, additionalData?: Bytes): MaybePromise<Bytes>;
  /** Present on synchronous backends: as `seal`, written to `output` from `offset` on, which may be where the plaintext is. */
  sealInto?(nonce: Bytes, plaintext: Bytes, output: Bytes, offset: number): void;
  /** Present on synchronous backends: as `open`, written to `output` from `offset` on. Nothing is written on failure. */
  openInto?(nonce: Bytes, ciphertext: Bytes, output: Bytes, offset: number): void;
}

export interface X25519KeyPair {
  readonly publicKey: Bytes;
  readonly privateKey: PrivateKeyHandle;
}

export interface Ed25519KeyPair {
  readonly publicKey: Bytes;
  readonly privateKey: PrivateKeyHandle;
}

/**
 * What the SDK needs from a runtime, but for signatures. Three backends implement it (`webcrypto`, `node`, `noble`) and the default
 * provider picks for each operation the one measured best. Results may come at once or as promises.
 *
 * Keys and points reach a backend only after the checks that must not differ between backends: see
 * `keywrap/x25519.ts` (RFC 7748) and `crypto/ed25519.ts` (RFC 8032).
 */
export interface CryptoProvider {
  readonly name: string;
  /** How many AES-GCM calls of 16 KiB a stream keeps in flight where they are asynchronous; 32 unless stated. */
  readonly callsInFlight?: number;
  /** Cryptographically secure bytes. Call `randomBytes` of `crypto/random.ts` instead, which checks the result. */
  getRandomBytes(length: number): Bytes;
  digest(hash: HashName, message: Bytes): MaybePromise<Bytes>;
  /**
   * As `digest`, for long messages (16 KiB and more): by the platform where it has hashes, which is many times as fast as
   * JavaScript there, and possibly asynchronous. `message` is consumed before the call returns.
   */
  digestBulk(hash: HashName, message: Bytes): MaybePromise<Bytes>;
  /** RFC 2104. Any key length. */
  hmac(hash: HashName, key: Bytes, message: Bytes): MaybePromise<Bytes>;
  /** @param key 32 bytes, consumed before the call returns. @throws RangeError for another length. */
  importAesGcmKey(key: Bytes): MaybePromise<AeadKey>;
  generateX25519(): MaybePromise<X25519KeyPair>;
  /** @param privateKey 32 bytes, clamped by the operation (RFC 7748 §5). */
  importX25519(privateKey: Bytes): MaybePromise<PrivateKeyHandle>;
  /** @param publicKey 32 bytes, already checked by the caller. */
  importX25519PublicKey(publicKey: Bytes): MaybePromise<PublicKeyHandle>;
  /** The raw shared secret; may be all zero or throw for a low-order point, so callers check (RFC 7748 §6.1). */
  agreeX25519(privateKey: PrivateKeyHandle, publicKey: PublicKeyHandle): MaybePromise<Bytes>;
  /** What signs and verifies recordings; unless given, the runtime's own (`crypto/signatures.ts`). */
  readonly signatures?: SignatureProvider;
}

/**
 * Ed25519, which recordings alone need. Apart from the rest, so that a page that seals and opens files does not carry it.
 * Call `signEd25519` and `verifyEd25519` of `crypto/ed25519.ts`, which stand above it.
 */
export interface SignatureProvider {
  readonly name: string;
  /** @param seed 32 bytes (RFC 8032 §5.1.5). */
  importEd25519(seed: Bytes): MaybePromise<PrivateKeyHandle>;
  /** A new signing key. Where the backend is WebCrypto, its private half is a non-extractable `CryptoKey`. */
  generateEd25519(): MaybePromise<Ed25519KeyPair>;
  /** The public half of a seed (RFC 8032 §5.1.5), for signing keys that are kept as bytes. */
  deriveEd25519PublicKey(seed: Bytes): MaybePromise<Bytes>;
  /** @param privateKey a handle of this backend. */
  signEd25519(privateKey: PrivateKeyHandle, message: Bytes): MaybePromise<Bytes>;
  /** The cofactorless equation only; the strict checks are the caller's. */
  verifyEd25519(publicKey: Bytes, message: Bytes, signature: Bytes): MaybePromise<boolean>;
}

/** A backend that brings its signatures with it. */
export interface CompleteProvider extends CryptoProvider {
  readonly signatures: SignatureProvider;
}
