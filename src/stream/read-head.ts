import { truncated } from "../errors.js";
import { type Bytes, concatBytes } from "../formats/bytes.js";
import type { PieceReader } from "./pieces.js";

/** What openers read before a stream's chunks: envelopes and headers. */

/** Room for what stands before a stream; an envelope with a few recipients fits in. */
const FIRST_ROOM = 4096;

/**
 * Exactly `length` bytes, copied.
 *
 * @throws BlindreelError `truncated` where the source ends first; `what` names what was being read.
 */
export async function takeExactly(reader: PieceReader, length: number, what: string): Promise<Bytes> {
  const bytes = await takeUpTo(reader, length);
  if (bytes.length < length) throw truncated(what, reader.consumed);
  return bytes;
}

/** At most `length` bytes, copied: fewer only at the end of the source. */
export async function takeUpTo(reader: PieceReader, length: number): Promise<Bytes> {
  // Grows with what arrives: neither a length that is only claimed nor a million tiny pieces cost memory.
  let bytes = new Uint8Array(Math.min(length, FIRST_ROOM));
  let filled = 0;
  while (filled < length) {
    const part = reader.accept(await reader.fetch(), length - filled);
    if (!part) break;
    if (filled + part.length > bytes.length) {
      const room = Math.min(length, Math.max(2 * bytes.length, filled + part.length));
      bytes = concatBytes(bytes.subarray(0, filled), new Uint8Array(room - filled));
    }
    bytes.set(part, filled);
    filled += part.length;
  }
  return filled === bytes.length ? bytes : bytes.slice(0, filled);
}
