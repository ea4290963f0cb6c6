import type { CryptoProvider } from "../crypto/provider.js";
import { deriveSegmentKey, segmentContext } from "../envelope/key-schedule.js";
import { SEGMENT_HEADER_LENGTH } from "../envelope/segment-header.js";
import { isBlindreelError } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { hashChunks } from "../log/chunk-hashes.js";
import { hashSegmentHead, SEGMENT_HEAD_LENGTH, type SegmentEntry } from "../log/entry.js";
import { leafHash, subroots } from "../log/tree.js";
import { startOpening } from "../stream/derive.js";
import { SEALED_CHUNK } from "../stream/geometry.js";

/** Hashes of a sealed segment for its entry (format-v1, "Entries"). @param segment from its first byte. */
export async function hashSegment(
  crypto: CryptoProvider,
  segment: Bytes,
): Promise<Pick<SegmentEntry, "head" | "subroots">> {
  const head = await hashSegmentHead(crypto, segment.slice(0, SEGMENT_HEAD_LENGTH));
  const chunks = await hashChunks(crypto, segment.subarray(SEGMENT_HEAD_LENGTH));
  return { head, subroots: subroots(chunks.map(leafHash)) };
}

/**
 * Number of whole chunks of an open segment that authenticate: a cut entry must open, also after damage on the disk.
 *
 * @param segment from its first byte, as far as the journal has it.
 */
export async function countOpenable(
  crypto: CryptoProvider,
  contentKey: Bytes,
  segment: Bytes,
): Promise<number> {
  if (segment.length < SEGMENT_HEAD_LENGTH) return 0;
  const header = segment.slice(0, SEGMENT_HEADER_LENGTH);
  const key = await deriveSegmentKey(crypto, contentKey, header);
  let chunks = 0;
  try {
    const head = segment.slice(SEGMENT_HEADER_LENGTH, SEGMENT_HEAD_LENGTH);
    const cipher = await startOpening(crypto, { key, context: segmentContext(header) }, head);
    for (let at = SEGMENT_HEAD_LENGTH; at + SEALED_CHUNK <= segment.length; at += SEALED_CHUNK) {
      wipe(await cipher.open(chunks, segment.subarray(at, at + SEALED_CHUNK)));
      chunks++;
    }
  } catch (error) {
    if (!isBlindreelError(error) || error.code !== "authentication-failed") throw error;
  }
  return chunks;
}
