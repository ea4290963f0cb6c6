import type { AeadKey } from "../crypto/provider.js";
import { outOfRange } from "../errors.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import { MAX_CHUNKS } from "./geometry.js";

/** For providers that do not say: the best, or nearly so, in every runtime (docs/benchmarks.md, "Calls in flight"). */
const CALLS_IN_FLIGHT = 32;

/** The only AEAD call for payload, and the only place where its nonces are made. */
export class ChunkCipher {
  readonly #key: AeadKey;
  readonly #baseNonce: Bytes;
  /** Reused by the synchronous calls, which are done with it when they return. */
  readonly #nonce: Bytes;
  /** Whether the backend answers at once and writes into the caller's output. */
  readonly isSynchronous: boolean;
  /** Calls worth having in flight where the backend is asynchronous. */
  readonly callsInFlight: number;

  constructor(key: AeadKey, baseNonce: Bytes, callsInFlight = CALLS_IN_FLIGHT) {
    this.callsInFlight = callsInFlight;
    this.#key = key;
    this.#baseNonce = baseNonce;
    this.#nonce = baseNonce.slice();
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

  /** Only where {@link isSynchronous}. Writes to `output` from `offset` on. */
  sealInto(chunkIndex: number, plaintext: Bytes, output: Bytes, offset: number): void {
    this.#key.sealInto!(chunkNonce(this.#baseNonce, chunkIndex, this.#nonce), plaintext, output, offset);
  }

  /** Only where {@link isSynchronous}. @throws BlindreelError `authentication-failed`; `output` is then untouched. */
  openInto(chunkIndex: number, sealed: Bytes, output: Bytes, offset: number): void {
    this.#key.openInto!(chunkNonce(this.#baseNonce, chunkIndex, this.#nonce), sealed, output, offset);
  }
}

/** Bytes of a nonce that a chunk index below 2^32 can change. */
const INDEX_BYTES = 4;

/**
 * The base nonce XOR the chunk's index as a big-endian integer of the same width (chunked-encryption, "AEAD usage").
 *
 * @param nonce receives it; a fresh buffer unless given.
 * @throws RangeError at 2^32 chunks, before a nonce could repeat.
 */
export function chunkNonce(baseNonce: Bytes, chunkIndex: number, nonce: Bytes = baseNonce.slice()): Bytes {
  if (!Number.isInteger(chunkIndex) || chunkIndex < 0 || chunkIndex >= MAX_CHUNKS) {
    throw outOfRange("chunk index", "below 2^32: a segment holds at most 64 TiB", chunkIndex);
  }
  let rest = chunkIndex;
  for (let i = nonce.length - 1; i >= nonce.length - INDEX_BYTES; i--) {
    nonce[i] = baseNonce[i]! ^ (rest & 0xff);
    rest = Math.floor(rest / 256);
  }
  return nonce;
}
