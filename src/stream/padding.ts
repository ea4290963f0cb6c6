import { authenticationFailed, wrongType } from "../errors.js";
import { type Bytes, isAllZero } from "../formats/bytes.js";
import { decode, encode, u64 } from "../formats/codec.js";
import type { Check } from "../formats/options.js";
import { CHUNK } from "./geometry.js";
import type { PieceSource } from "./pieces.js";
import type { ChunkFilter } from "./readable.js";

/** Padded content: `data || zeros || dataLength:u64`, the field in the last chunk (format-v1, "Padding"). */

/** `"chunk"` fills the last chunk; `"padme"` leaks O(log log n) bits of the length, for up to 12 % more. */
export type Padding = "chunk" | "padme";

/** Bytes of `dataLength`. */
const DATA_LENGTH_FIELD = 8;
const ZEROS_LENGTH = 64 * 1024;
const ZEROS = /* @__PURE__ */ new Uint8Array(ZEROS_LENGTH);

export const paddingArgument: Check<Padding> = (name, value) => {
  if (value === "chunk" || value === "padme") return value;
  throw wrongType(name, '"chunk", "padme" or undefined', value);
};

/** Length of the padded plaintext: congruent 8…16383 modulo 16384. */
export function paddedLength(padding: Padding, length: number): number {
  if (padding === "chunk") return nextCongruent(length + DATA_LENGTH_FIELD, CHUNK - 1);
  const total = padme(length + DATA_LENGTH_FIELD);
  return total % CHUNK >= DATA_LENGTH_FIELD ? total : total - (total % CHUNK) + DATA_LENGTH_FIELD;
}

/** The smallest number of `minimum` or more, congruent to `remainder` modulo {@link CHUNK}. */
function nextCongruent(minimum: number, remainder: number): number {
  return minimum + ((((remainder - minimum) % CHUNK) + CHUNK) % CHUNK);
}

/** Padmé: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files … with PURBs", 2019, §4. */
export function padme(length: number): number {
  if (length < 2) return length;
  const exponent = Math.floor(Math.log2(length));
  const exponentBits = Math.floor(Math.log2(exponent)) + 1;
  const step = 2 ** Math.max(0, exponent - exponentBits);
  return Math.ceil(length / step) * step;
}

/** Writes the length field into the end of `padded`, whose padding is zeros already. */
export function writeLengthField(padded: Bytes, dataLength: number): void {
  padded.set(encode(u64, dataLength), padded.length - DATA_LENGTH_FIELD);
}

/** Appends padding to a source of unknown length. */
export function paddedPieces(source: PieceSource, padding: Padding): PieceSource {
  let length = 0;
  let tail: Iterator<Bytes> | undefined;
  return {
    async next() {
      if (!tail) {
        const result = await source.next();
        if (!result.done) {
          length += result.value?.length ?? 0;
          return result;
        }
        tail = paddingAfter(length, padding);
      }
      const { done, value } = tail.next();
      return done ? { done } : { value };
    },
    cancel: (reason) => source.cancel(reason),
    finished: () => source.finished?.(),
  };
}

function* paddingAfter(length: number, padding: Padding): Generator<Bytes, void, undefined> {
  yield* zeros(paddedLength(padding, length) - length - DATA_LENGTH_FIELD);
  yield encode(u64, length);
}

function* zeros(count: number): Generator<Bytes, void, undefined> {
  for (let left = count; left > 0; left -= ZEROS.length) yield ZEROS.slice(0, Math.min(left, ZEROS.length));
}

/**
 * Decodes `dataLength` and checks its range (format-v1, "Padding").
 *
 * @param lastChunk the padded plaintext's last chunk, authenticated. @param total the padded plaintext's
 *   length.
 * @throws BlindreelError `authentication-failed` for a breach of the format.
 */
export function readLengthField(lastChunk: Bytes, total: number): number {
  if (lastChunk.length < DATA_LENGTH_FIELD) throw authenticationFailed();
  const field = lastChunk.subarray(lastChunk.length - DATA_LENGTH_FIELD);
  if (field[0] !== 0 || field[1]! >= 32) throw authenticationFailed();
  const length = decode(u64, field, "the padding");
  if (length > total - DATA_LENGTH_FIELD) throw authenticationFailed();
  return length;
}

/**
 * Checks the padding in one chunk: zeros between data and length field.
 *
 * @param offset of the chunk in the padded plaintext. @param length of the data. @param total length of the
 *   padded plaintext.
 * @throws BlindreelError `authentication-failed`.
 */
export function checkZeros(chunk: Bytes, offset: number, length: number, total: number): void {
  const from = Math.max(0, length - offset);
  const to = Math.min(chunk.length, total - DATA_LENGTH_FIELD - offset);
  if (from < to && !isAllZero(chunk.subarray(from, to))) throw authenticationFailed();
}

/** Removes padding from a stream. Trailing zeros may be padding: held back as a count, in bounded memory. */
export class Unpadder implements ChunkFilter {
  #released = 0;
  #heldZeros = 0;

  *push(chunks: Bytes): Iterator<Bytes> {
    let end = chunks.length;
    while (end > 0 && chunks[end - 1] === 0) end--;
    if (end > 0) {
      yield* this.#release(this.#heldZeros);
      this.#heldZeros = 0;
      this.#released += end;
      yield chunks.subarray(0, end);
    }
    this.#heldZeros += chunks.length - end;
  }

  *finish(lastChunk: Bytes): Iterator<Bytes> {
    const start = this.#released + this.#heldZeros;
    const total = start + lastChunk.length;
    const length = readLengthField(lastChunk, total);
    if (length < this.#released) throw authenticationFailed();
    checkZeros(lastChunk, start, length, total);
    yield* this.#release(Math.min(this.#heldZeros, length - this.#released));
    if (length > start) yield lastChunk.subarray(0, length - start);
  }

  *#release(count: number): Generator<Bytes, void, undefined> {
    this.#released += count;
    yield* zeros(count);
  }
}
