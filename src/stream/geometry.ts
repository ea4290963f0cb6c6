import { malformed, outOfRange, truncated } from "../errors.js";
import { TAG_LENGTH } from "../formats/constants.js";

/** Sizes and offsets of Cobblestone-256 (c2sp.org/chunked-encryption@v1), in bytes. */

export const CHUNK = 16 * 1024;
/** Bytes of a whole sealed chunk: {@link CHUNK} and its tag. */
export const SEALED_CHUNK = CHUNK + TAG_LENGTH;
export const SALT_LENGTH = 24;
export const COMMITMENT_LENGTH = 32;
/** Salt and commitment, before the first chunk. */
export const HEADER_LENGTH = SALT_LENGTH + COMMITMENT_LENGTH;
/** The lowest limit that the standard recommends: 64 TiB of plaintext. */
export const MAX_CHUNKS = 2 ** 32;

/** Number of chunks of a message: the whole ones and the last, which is always shorter than {@link CHUNK}. */
export function chunkCount(plaintextLength: number): number {
  return Math.floor(plaintextLength / CHUNK) + 1;
}

/** Length of a whole message, header included. @throws RangeError above 2^32 chunks. */
export function sealedLength(plaintextLength: number): number {
  const chunks = chunkCount(plaintextLength);
  if (chunks > MAX_CHUNKS)
    throw outOfRange("plaintext length", `below ${MAX_CHUNKS * CHUNK}`, plaintextLength);
  return HEADER_LENGTH + plaintextLength + chunks * TAG_LENGTH;
}

/**
 * The plaintext length of a message of `length` bytes, not authenticated until its last chunk has been
 * opened.
 *
 * @param end offset of the message's end in its file, for errors.
 * @throws BlindreelError `truncated` for an impossible length; `malformed` above 2^32 chunks.
 */
export function claimedPlaintextLength(length: number, end = length): number {
  const plaintextLength = plaintextLengthOf(length);
  if (plaintextLength !== undefined) return plaintextLength;
  if (lastChunkLength(length) < TAG_LENGTH) throw truncated("the sealed stream", end);
  throw malformed("the sealed stream has more than 2^32 chunks", end);
}

/** {@link claimedPlaintextLength} without errors: undefined for an impossible length. */
export function plaintextLengthOf(length: number): number | undefined {
  const body = length - HEADER_LENGTH;
  const chunks = Math.floor(body / SEALED_CHUNK) + 1;
  if (lastChunkLength(length) < TAG_LENGTH || chunks > MAX_CHUNKS) return undefined;
  return body - chunks * TAG_LENGTH;
}

/** Length of the last chunk with its tag; below a tag's length, even negative, for a truncated message. */
function lastChunkLength(length: number): number {
  return (length - HEADER_LENGTH) % SEALED_CHUNK;
}

/** Offset of chunk `index` from the first byte of the salt. */
export function chunkOffset(index: number): number {
  return HEADER_LENGTH + index * SEALED_CHUNK;
}
