import type { AeadKey } from "../crypto/provider.js";
import { outOfRange } from "../errors.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import { MAX_CHUNKS } from "./geometry.js";
import type { Spans } from "./spans.js";

/** Default of providers: at or near the best in every runtime (docs/benchmarks.md, "Calls in flight"). */
const CALLS_IN_FLIGHT = 32;

/** The only AEAD calls and the only nonces of payload. */
export class ChunkCipher {
  readonly #key: AeadKey;
  readonly #baseNonce: Bytes;
  /** Reused by synchronous calls, which do not keep it. */
  readonly #nonce: Bytes;
  /** Whether {@link sealInto} and {@link openInto} are available. */
  readonly isSynchronous: boolean;
  /** Calls in flight on an asynchronous backend. */
  readonly callsInFlight: number;
  /** Whether a stream joins answers into larger buffers. */
  readonly joinsAnswers: boolean;

  /** Worker threads that seal or open whole chunks of this message. */
  readonly spans: Spans | undefined;

  constructor(key: AeadKey, baseNonce: Bytes, callsInFlight = CALLS_IN_FLIGHT, spans?: Spans) {
    this.spans = spans;
    this.callsInFlight = callsInFlight;
    this.#key = key;
    this.#baseNonce = baseNonce;
    this.#nonce = baseNonce.slice();
    this.isSynchronous = key.sealInto !== undefined && key.openInto !== undefined;
    this.joinsAnswers = key.givesBuffers === true && !spans && !handsOn();
  }

  /** Consumes `plaintext` before it returns. */
  seal(chunkIndex: number, plaintext: Bytes): MaybePromise<Bytes> {
    return this.#key.seal(chunkNonce(this.#baseNonce, chunkIndex), plaintext);
  }

  /** Consumes `sealed` before it returns. @throws BlindreelError `authentication-failed`. */
  open(chunkIndex: number, sealed: Bytes): MaybePromise<Bytes> {
    return this.#key.open(chunkNonce(this.#baseNonce, chunkIndex), sealed);
  }

  /**
   * Copies an answer of {@link seal} or {@link open}, and detaches the platform's: the next one finds warm memory, and the
   * collector has not thousands of them to give back in one long task.
   */
  async place(answer: MaybePromise<Bytes>, output: Bytes, offset: number): Promise<void> {
    const bytes = await answer;
    output.set(bytes, offset);
    // ES2024; without it the collector does it.
    if (this.#key.givesBuffers) (bytes.buffer as { transfer?(length: number): unknown }).transfer?.(0);
  }

  /** Only where {@link isSynchronous}. Writes to `output` at `offset`. */
  sealInto(chunkIndex: number, plaintext: Bytes, output: Bytes, offset: number): void {
    this.#key.sealInto!(chunkNonce(this.#baseNonce, chunkIndex, this.#nonce), plaintext, output, offset);
  }

  /** Only where {@link isSynchronous}. @throws BlindreelError `authentication-failed`, `output` unchanged. */
  openInto(chunkIndex: number, sealed: Bytes, output: Bytes, offset: number): void {
    this.#key.openInto!(chunkNonce(this.#baseNonce, chunkIndex, this.#nonce), sealed, output, offset);
  }
}

/**
 * Chromium reuses the memory of small answers that the collector gave back, not that of larger buffers. There, and
 * in Bun, chunks are handed on as they are; in other engines joining them is faster (docs/benchmarks.md).
 */
function handsOn(): boolean {
  const { navigator } = globalThis as { navigator?: { userAgentData?: unknown } };
  return navigator?.userAgentData !== undefined || "Bun" in globalThis;
}

/** Nonce bytes that depend on the chunk index, which is below 2^32. */
const INDEX_BYTES = 4;

/**
 * The base nonce XOR the chunk's index as a big-endian integer of the same width (chunked-encryption, "AEAD
 * usage").
 *
 * @param nonce the output; by default a new buffer.
 * @throws RangeError from index 2^32 on: no nonce repeats.
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
