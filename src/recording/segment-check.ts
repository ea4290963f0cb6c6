import type { CryptoProvider } from "../crypto/provider.js";
import { deriveSegmentKey, segmentContext } from "../envelope/key-schedule.js";
import { SEGMENT_HEADER_LENGTH } from "../envelope/segment-header.js";
import { isBlindreelError } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { SEGMENT_HEAD_LENGTH } from "../log/entry.js";
import { startOpening } from "../stream/derive.js";
import { SEALED_CHUNK } from "../stream/geometry.js";

/**
 * How many whole chunks of an open segment are as they were sealed: what is signed after a crash must open, whatever a disk
 * did to it.
 *
 * @param bytes the segment from its first byte on, as far as the journal has it.
 */
export async function openedChunks(crypto: CryptoProvider, contentKey: Bytes, bytes: Bytes): Promise<number> {
  if (bytes.length < SEGMENT_HEAD_LENGTH) return 0;
  const header = bytes.slice(0, SEGMENT_HEADER_LENGTH);
  const key = await deriveSegmentKey(crypto, contentKey, header);
  let chunks = 0;
  try {
    const head = bytes.slice(SEGMENT_HEADER_LENGTH, SEGMENT_HEAD_LENGTH);
    const cipher = await startOpening(crypto, { key, context: segmentContext(header) }, head);
    for (let at = SEGMENT_HEAD_LENGTH; at + SEALED_CHUNK <= bytes.length; at += SEALED_CHUNK) {
      wipe(await cipher.open(chunks, bytes.subarray(at, at + SEALED_CHUNK)));
      chunks++;
    }
  } catch (error) {
    if (!isBlindreelError(error) || error.code !== "authentication-failed") throw error;
  }
  return chunks;
}
