import { truncated } from "../errors.js";
import { type Bytes, concatBytes } from "../formats/bytes.js";
import type { PieceReader } from "./pieces.js";

/** Reads of envelopes and headers, before a stream's chunks. */

/** In bytes: an envelope with a few recipients. */
const INITIAL_CAPACITY = 4096;

/**
 * Exactly `length` bytes, copied.
 *
 * @param what names the object in errors. @throws BlindreelError `truncated` where the source ends first.
 */
export async function takeExactly(reader: PieceReader, length: number, what: string): Promise<Bytes> {
  const bytes = await takeUpTo(reader, length);
  if (bytes.length < length) throw truncated(what, reader.consumed);
  return bytes;
}

/** At most `length` bytes, copied: fewer only at the end of the source. */
export async function takeUpTo(reader: PieceReader, length: number): Promise<Bytes> {
  // Grows with received bytes: no allocation for a claimed length, nor for each of many tiny pieces.
  let bytes = new Uint8Array(Math.min(length, INITIAL_CAPACITY));
  let filled = 0;
  while (filled < length) {
    const part = reader.accept(await reader.fetch(), length - filled);
    if (!part) break;
    if (filled + part.length > bytes.length) {
      const capacity = Math.min(length, Math.max(2 * bytes.length, filled + part.length));
      bytes = concatBytes(bytes.subarray(0, filled), new Uint8Array(capacity - filled));
    }
    bytes.set(part, filled);
    filled += part.length;
  }
  return filled === bytes.length ? bytes : bytes.slice(0, filled);
}
