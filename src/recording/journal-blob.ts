import { nobleDigest } from "../crypto/noble-hash.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { type Bytes, compareBytes, concatBytes } from "../formats/bytes.js";
import { HASH_LENGTH } from "../formats/constants.js";
import { journalDamaged } from "../storage/faults.js";
import { hashChunks, SEGMENT_HEAD_LENGTH } from "./leaf.js";

/**
 * Ciphertext in a journal stands behind a checksum, so that what a disk did to it is noticed before it is uploaded.
 * It is over the hashes of its chunks, which exist already: ciphertext is hashed once.
 */

/** @param before what stands in front of the chunks: a segment's first 86 bytes, or nothing. */
function checksum(before: Bytes, hashes: readonly Bytes[]): Bytes {
  return nobleDigest("SHA-256", concatBytes(before, ...hashes));
}

/** Bytes of a blob that belong to no chunk: the segment's head, in its first blob. */
const headLength = (offset: number): number => (offset === 0 ? SEGMENT_HEAD_LENGTH : 0);

/** What is stored of `parts`, which start at `offset` of their object and have these hashes. */
export function checkedParts(
  offset: number,
  parts: readonly Bytes[],
  hashes: readonly Bytes[],
): readonly Bytes[] {
  return [checksum(parts[0]!.subarray(0, headLength(offset)), hashes), ...parts];
}

/** @throws BlindreelError `journal-damaged`. */
export async function uncheckedBlob(
  crypto: CryptoProvider,
  name: string,
  offset: number,
  stored: Bytes,
): Promise<Bytes> {
  const bytes = stored.subarray(HASH_LENGTH);
  const before = bytes.subarray(0, headLength(offset));
  const hashes = await hashChunks(crypto, bytes.subarray(before.length));
  if (compareBytes(checksum(before, hashes), stored.subarray(0, HASH_LENGTH)) !== 0) {
    throw journalDamaged(`its ciphertext (${name})`);
  }
  return bytes;
}
