import type { AeadKey } from "../crypto/provider.js";
import { outOfRange } from "../errors.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import { MAX_CHUNKS } from "./geometry.js";

/** The only AEAD call for payload, and the only place where its nonces are made. */
export class ChunkCipher {
  readonly #key: AeadKey;
  readonly #baseNonce: Bytes;
  /** Whether the backend answers at once and writes into the caller's output. */
  readonly isSynchronous: boolean;

  constructor(key: AeadKey, baseNonce: Bytes) {
    this.#key = key;
    this.#baseNonce = baseNonce;
    this.isSynchronous = key.sealInto !== undefined && key.openInto !== undefined;
  }

  /** Consumes `plaintext` before it returns. */
  seal(chunkIndex: number, plaintext: Bytes): MaybePromise<Bytes> {
    return this.#key.seal(chunkNonce(this.#baseNonce, chunkIndex), plaintext);
  }

  /** Consumes `sealed` before it returns. @throws BlindreelError `authentication-failed`. */
  open(chunkIndex: number, sealed: Bytes): MaybePromise<Bytes> {
    return this.#key.open(chunkNonce(this.#baseNonce, chunkIndex), sealed);
  }

  /** Only where {@link isSynchronous}. */
  sealInto(chunkIndex: number, plaintext: Bytes, output: Bytes): void {
    this.#key.sealInto!(chunkNonce(this.#baseNonce, chunkIndex), plaintext, output);
  }

  /** Only where {@link isSynchronous}. @throws BlindreelError `authentication-failed`; `output` is then untouched. */
  openInto(chunkIndex: number, sealed: Bytes, output: Bytes): void {
    this.#key.openInto!(chunkNonce(this.#baseNonce, chunkIndex), sealed, output);
  }
}

/**
 * The base nonce XOR the chunk's index as a big-endian integer of the same width (chunked-encryption, "AEAD usage").
 *
 * @throws RangeError at 2^32 chunks, before a nonce could repeat.
 */
export function chunkNonce(baseNonce: Bytes, chunkIndex: number): Bytes {
  if (!Number.isInteger(chunkIndex) || chunkIndex < 0 || chunkIndex >= MAX_CHUNKS) {
    throw outOfRange("chunk index", `below 2^32: a segment holds at most 64 TiB`, chunkIndex);
  }
  const nonce = baseNonce.slice();
  let rest = chunkIndex;
  for (let i = nonce.length - 1; rest > 0; i--) {
    nonce[i]! ^= rest % 256;
    rest = Math.floor(rest / 256);
  }
  return nonce;
}
