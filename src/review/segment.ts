import type { CryptoProvider } from "../crypto/provider.js";
import { segmentContext } from "../envelope/key-schedule.js";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  SEGMENT_HEADER_LENGTH,
  type SegmentHeader,
} from "../envelope/segment-header.js";
import { authenticationFailed, BlindreelError } from "../errors.js";
import { type Bytes, compareBytes } from "../formats/bytes.js";
import { SegmentFlag, TAG_LENGTH } from "../formats/constants.js";
import { hashChunks } from "../log/chunk-hashes.js";
import {
  hashSegmentHead,
  isPadded,
  SEGMENT_HEAD_LENGTH,
  type SegmentEntry,
  segmentGeometry,
} from "../log/entry.js";
import { isSameHash, leafHash, SUBTREE, subroots } from "../log/tree.js";
import type { ReadOptions } from "../source/byte-source.js";
import { openChunks } from "../stream/batch.js";
import type { ChunkCipher } from "../stream/chunk.js";
import { startOpening } from "../stream/derive.js";
import { CHUNK, SEALED_CHUNK } from "../stream/geometry.js";
import { checkZeros, readLengthField } from "../stream/padding.js";

/** Opening one segment of a recording (format-v1, "Opening a segment of a recording"). */
export interface SegmentBinding {
  readonly crypto: CryptoProvider;
  readonly recordingId: Bytes;
}

/** A unit of fetching, checking and opening: a subtree of chunks, or a padded segment as a whole. */
export interface Block {
  readonly firstChunk: number;
  /** The range of the stored object, in bytes. */
  readonly from: number;
  readonly to: number;
  /** The range of the segment's content, in bytes. */
  readonly start: number;
  readonly end: number;
  readonly subroots: readonly Bytes[];
}

/** The segment's subtrees, in order; content of a padded one counts as that of the first. */
export function subtreesOf(entry: SegmentEntry): Block[] {
  const { chunks } = segmentGeometry(entry)!;
  return entry.subroots.map((subroot, index) => {
    const firstChunk = index * SUBTREE;
    const endChunk = Math.min(firstChunk + SUBTREE, chunks);
    const from = SEGMENT_HEAD_LENGTH + firstChunk * SEALED_CHUNK;
    const to = Math.min(SEGMENT_HEAD_LENGTH + endChunk * SEALED_CHUNK, entry.length);
    const start = Math.min(firstChunk * CHUNK, entry.content);
    const end = Math.min(start + to - from - (endChunk - firstChunk) * TAG_LENGTH, entry.content);
    return { firstChunk, from, to, start, end, subroots: [subroot] };
  });
}

/** The blocks of the segment's content. */
export function blocksOf(entry: SegmentEntry): Block[] {
  if (!isPadded(entry)) return subtreesOf(entry);
  const { length, content, subroots } = entry;
  return [{ firstChunk: 0, from: SEGMENT_HEAD_LENGTH, to: length, start: 0, end: content, subroots }];
}

/** The header of a listed segment. */
export function headerOf({ recordingId }: SegmentBinding, entry: SegmentEntry): Bytes {
  const { track, take, index } = entry;
  const flags = isPadded(entry) ? SegmentFlag.padded : 0;
  return encodeSegmentHeader({ flags, recordingId, track, take, index });
}

/** @throws BlindreelError `malformed`, `unsupported-version`, `unsupported-algorithm`, `wrong-recording`. */
export function readHeader({ recordingId }: SegmentBinding, bytes: Bytes): SegmentHeader {
  const header = decodeSegmentHeader(bytes, 0);
  if (compareBytes(header.recordingId, recordingId) !== 0)
    throw new BlindreelError("wrong-recording", "this segment belongs to another recording", undefined);
  return header;
}

/**
 * The cipher of a stored segment, by the stream's commitment.
 *
 * @param head its first 86 bytes. @param key is wiped. @throws BlindreelError `authentication-failed`.
 */
export function openHead({ crypto }: SegmentBinding, head: Bytes, key: Bytes): Promise<ChunkCipher> {
  const context = segmentContext(head.slice(0, SEGMENT_HEADER_LENGTH));
  return startOpening(crypto, { key, context }, head.slice(SEGMENT_HEADER_LENGTH, SEGMENT_HEAD_LENGTH));
}

/**
 * The same for a listed segment: its head has the signed hash, its header agrees with the entry.
 *
 * @throws BlindreelError as {@link readHeader}; `authentication-failed`, first of all for another head.
 */
export async function openListedHead(
  binding: SegmentBinding,
  entry: SegmentEntry,
  head: Bytes,
  key: Bytes,
): Promise<ChunkCipher> {
  if (!isSameHash(await hashSegmentHead(binding.crypto, head), entry.head)) throw authenticationFailed();
  const header = head.slice(0, SEGMENT_HEADER_LENGTH);
  readHeader(binding, header);
  if (compareBytes(header, headerOf(binding, entry)) !== 0) throw authenticationFailed();
  return openHead(binding, head, key);
}

/** Whether ciphertext has the signed subroots. @param sealed all of the block. */
export async function isSigned(crypto: CryptoProvider, block: Block, sealed: Bytes): Promise<boolean> {
  const hashes = await hashChunks(crypto, sealed);
  return subroots(hashes.map(leafHash)).every((root, i) => isSameHash(root, block.subroots[i]!));
}

/** @param first index of the first chunk; 0 for a padded segment, which is opened as a whole. @param sealed whole chunks. */
export async function openContent(
  cipher: ChunkCipher,
  sealed: Bytes,
  first: number,
  hasPadding: boolean,
  options: ReadOptions,
): Promise<Bytes> {
  const chunks = Math.ceil(sealed.length / SEALED_CHUNK);
  const total = sealed.length - chunks * TAG_LENGTH;
  const plaintext = new Uint8Array(total);
  const range = { first, end: first + chunks, start: first * CHUNK };
  await openChunks(cipher, sealed, range, plaintext, options);
  if (!hasPadding) return plaintext;
  const length = readLengthField(plaintext.subarray(total - (total % CHUNK)), total);
  checkZeros(plaintext, 0, length, total);
  return plaintext.slice(0, length);
}

/**
 * A signed block's content.
 *
 * @throws BlindreelError `authentication-failed`, also for a length field that differs from the entry; `signal.reason`.
 */
export async function openSigned(
  cipher: ChunkCipher,
  entry: SegmentEntry,
  { firstChunk, start, end }: Block,
  sealed: Bytes,
  options: ReadOptions,
): Promise<Bytes> {
  const content = await openContent(cipher, sealed, firstChunk, isPadded(entry) === true, options);
  if (content.length !== end - start) throw authenticationFailed();
  return content;
}

/** A block's content, its ciphertext compared with the signed subroots. @throws as {@link openSigned}. */
export async function openBlock(
  crypto: CryptoProvider,
  cipher: ChunkCipher,
  entry: SegmentEntry,
  block: Block,
  sealed: Bytes,
  options: ReadOptions,
): Promise<Bytes> {
  if (!(await isSigned(crypto, block, sealed))) throw authenticationFailed();
  options.signal?.throwIfAborted();
  return openSigned(cipher, entry, block, sealed, options);
}

/** All of a listed segment's content, its head and ciphertext checked. @param key is wiped. @param object in whole. */
export async function openWhole(
  binding: SegmentBinding,
  entry: SegmentEntry,
  key: Bytes,
  object: Bytes,
  options: ReadOptions,
): Promise<Bytes> {
  if (object.length !== entry.length) throw authenticationFailed();
  const cipher = await openListedHead(binding, entry, object.slice(0, SEGMENT_HEAD_LENGTH), key);
  const content = new Uint8Array(entry.content);
  for (const block of blocksOf(entry)) {
    const sealed = object.subarray(block.from, block.to);
    content.set(await openBlock(binding.crypto, cipher, entry, block, sealed, options), block.start);
  }
  return content;
}
