import type { CryptoProvider } from "../crypto/provider.js";
import { taggedHash } from "../envelope/key-schedule.js";
import { SEGMENT_HEADER_LENGTH } from "../envelope/segment-header.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import { HEADER_LENGTH, SEALED_CHUNK } from "../stream/geometry.js";
import { breather } from "../stream/operation.js";

/** Bytes of a stored segment before its first chunk: segment header, salt, commitment. */
export const SEGMENT_HEAD_LENGTH = SEGMENT_HEADER_LENGTH + HEADER_LENGTH;

/**
 * `head = H("segment head", first 86 bytes of the segment)`: a chunk alone could be opened under another salt of the
 * same key, so the tree alone would not say how to open it.
 */
export function hashSegmentHead(crypto: CryptoProvider, head: Bytes): Promise<Bytes> {
  return taggedHash(crypto, "segment head", head);
}

/** SHA-256 of one sealed chunk, tag included, by the platform. The chunk is consumed before the call returns. */
export function hashChunk(crypto: CryptoProvider, sealedChunk: Bytes): MaybePromise<Bytes> {
  return crypto.digestBulk("SHA-256", sealedChunk);
}

/**
 * The hashes of sealed chunks that stand one behind the other, the last of which may be short. On asynchronous
 * backends all are in flight, so hand in a subtree's worth at most.
 */
export async function hashChunks(crypto: CryptoProvider, sealedChunks: Bytes): Promise<Bytes[]> {
  const breathe = breather();
  const hashes: MaybePromise<Bytes>[] = [];
  for (let offset = 0; offset < sealedChunks.length; offset += SEALED_CHUNK) {
    hashes.push(hashChunk(crypto, sealedChunks.subarray(offset, offset + SEALED_CHUNK)));
    await breathe();
  }
  return Promise.all(hashes);
}
