import { malformed, outOfRange, truncated } from "../errors.js";
import { TAG_LENGTH } from "../formats/constants.js";

/** Cobblestone-256 (c2sp.org/chunked-encryption@v1): every size and offset derives from these. Units: bytes. */

export const CHUNK = 16 * 1024;
export const SEALED_CHUNK = CHUNK + TAG_LENGTH;
export const SALT_LENGTH = 24;
export const COMMITMENT_LENGTH = 32;
/** Salt and commitment, in front of the first chunk. */
export const HEADER_LENGTH = SALT_LENGTH + COMMITMENT_LENGTH;
/** The lowest limit the standard recommends: 64 TiB of plaintext. */
export const MAX_CHUNKS = 2 ** 32;

/** Chunks of a message: the last is always shorter than {@link CHUNK}, so there is one more than fit whole. */
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
 * The plaintext length that a message of `length` bytes claims. Unauthenticated: believe it only after its last
 * chunk has been opened.
 *
 * @param end where the message ends in its file, for the error's sake.
 * @throws BlindreelError `truncated` for a length no message has; `malformed` above 2^32 chunks.
 */
export function claimedPlaintextLength(length: number, end = length): number {
  const plaintextLength = plaintextLengthOf(length);
  if (plaintextLength !== undefined) return plaintextLength;
  if (lastChunkLength(length) < TAG_LENGTH) throw truncated("the sealed stream", end);
  throw malformed("the sealed stream has more than 2^32 chunks", end);
}

/** The same for whoever only asks; undefined for a length that no message has. */
export function plaintextLengthOf(length: number): number | undefined {
  const body = length - HEADER_LENGTH;
  const chunks = Math.floor(body / SEALED_CHUNK) + 1;
  if (lastChunkLength(length) < TAG_LENGTH || chunks > MAX_CHUNKS) return undefined;
  return body - chunks * TAG_LENGTH;
}

/** Of the last chunk with its tag; less than a tag, negative even, where there is none. */
function lastChunkLength(length: number): number {
  return (length - HEADER_LENGTH) % SEALED_CHUNK;
}

/** Where chunk `index` starts, from the first byte of the salt. */
export function chunkOffset(index: number): number {
  return HEADER_LENGTH + index * SEALED_CHUNK;
}
