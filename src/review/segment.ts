import type { CryptoProvider } from "../crypto/provider.js";
import { deriveSegmentKey, segmentContext } from "../envelope/key-schedule.js";
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_LENGTH,
  type SegmentHeader,
} from "../envelope/segment-header.js";
import { authenticationFailed, BlindreelError } from "../errors.js";
import { type Bytes, compareBytes, type MaybePromise } from "../formats/bytes.js";
import { SegmentFlag } from "../formats/constants.js";
import { hashSegmentHead, isPadded, SEGMENT_HEAD_LENGTH, type SegmentEntry } from "../log/entry.js";
import { isSameHash, leafHash, treeRoot } from "../log/tree.js";
import type { ReadOptions } from "../source/byte-source.js";
import { openChunks } from "../stream/batch.js";
import type { ChunkCipher } from "../stream/chunk.js";
import { startOpening } from "../stream/derive.js";
import { CHUNK, SEALED_CHUNK } from "../stream/geometry.js";
import { checkZeros, readLengthField } from "../stream/padding.js";
import { type Block, blocksOf, subtreesOf } from "./layout.js";

/** What every segment of a recording is opened with, but for its key. */
export interface RecordingBinding {
  readonly crypto: CryptoProvider;
  readonly recordingId: Bytes;
}

/** A segment's key, by its header. It is the caller's to wipe, who here is whoever asked. */
export type KeyOf = (header: Bytes) => MaybePromise<Bytes>;

/** Segment keys of who can open everything. @param contentKey stays its owner's. */
export function keysFrom({ crypto }: RecordingBinding, contentKey: Bytes): KeyOf {
  return (header) => deriveSegmentKey(crypto, contentKey, header);
}

export interface OpenedHead {
  readonly header: SegmentHeader;
  readonly cipher: ChunkCipher;
}

/**
 * The cipher of a stored segment, from its first 86 bytes: whose it is, its key, the stream's commitment.
 *
 * @throws BlindreelError `malformed`, `unsupported-version`, `unsupported-algorithm`, `wrong-recording`,
 *   `authentication-failed`.
 */
export async function openHead(
  { crypto, recordingId }: RecordingBinding,
  keyOf: KeyOf,
  head: Bytes,
): Promise<OpenedHead> {
  const headerBytes = head.slice(0, SEGMENT_HEADER_LENGTH);
  const header = decodeSegmentHeader(headerBytes, 0);
  if (compareBytes(header.recordingId, recordingId) !== 0)
    throw new BlindreelError("wrong-recording", "this segment belongs to another recording", undefined);
  const key = await keyOf(headerBytes);
  // Wipes the key.
  const cipher = await startOpening(
    crypto,
    { key, context: segmentContext(headerBytes) },
    head.slice(SEGMENT_HEADER_LENGTH, SEGMENT_HEAD_LENGTH),
  );
  return { header, cipher };
}

/**
 * The same for a segment that the log lists: its head is the one that was signed, and says what its entry says.
 *
 * @throws BlindreelError as {@link openHead}; `authentication-failed` first of all where the head is another.
 */
export async function openListedHead(
  binding: RecordingBinding,
  keyOf: KeyOf,
  entry: SegmentEntry,
  head: Bytes,
): Promise<ChunkCipher> {
  if (!isSameHash(await hashSegmentHead(binding.crypto, head), entry.head)) throw authenticationFailed();
  const { header, cipher } = await openHead(binding, keyOf, head);
  const { track, take, index, flags } = header;
  const isPlace = track === entry.track && take === entry.take && index === entry.index;
  const hasFlag = (flags & SegmentFlag.padded) !== 0;
  if (!isPlace || hasFlag !== isPadded(entry)) throw authenticationFailed();
  return cipher;
}

/** Whether a subtree's ciphertext is what its root in the entry was made from. @param sealed all of it. */
export async function isSigned(
  crypto: CryptoProvider,
  entry: SegmentEntry,
  subtree: Block,
  sealed: Bytes,
): Promise<boolean> {
  const hashes: MaybePromise<Bytes>[] = [];
  for (let offset = 0; offset < sealed.length; offset += SEALED_CHUNK)
    hashes.push(crypto.digestBulk("SHA-256", sealed.subarray(offset, offset + SEALED_CHUNK)));
  const leaves = (await Promise.all(hashes)).map(leafHash);
  return isSameHash(treeRoot(leaves), entry.subroots[subtree.index]!);
}

/**
 * A block's content: its ciphertext is compared with the signed roots, then opened, and where it is padded its length and
 * zeros are checked.
 *
 * @param sealed the block's ciphertext. @throws BlindreelError `authentication-failed`; `signal.reason`.
 */
export async function openBlock(
  crypto: CryptoProvider,
  cipher: ChunkCipher,
  entry: SegmentEntry,
  block: Block,
  sealed: Bytes,
  options: ReadOptions,
): Promise<Bytes> {
  for (const subtree of subtreesOf(entry)) {
    if (subtree.from < block.from || subtree.from >= block.to) continue;
    const part = sealed.subarray(subtree.from - block.from, subtree.to - block.from);
    if (!(await isSigned(crypto, entry, subtree, part))) throw authenticationFailed();
    options.signal?.throwIfAborted();
  }
  const plaintext = await openChunksOf(cipher, sealed, block.firstChunk, options);
  return isPadded(entry) ? unpadded(plaintext, entry.content) : plaintext;
}

/** All of a listed segment's content, its head and ciphertext checked. @param object the whole stored object. */
export async function openWhole(
  binding: RecordingBinding,
  keyOf: KeyOf,
  entry: SegmentEntry,
  object: Bytes,
  options: ReadOptions,
): Promise<Bytes> {
  if (object.length !== entry.length) throw authenticationFailed();
  const cipher = await openListedHead(binding, keyOf, entry, object.slice(0, SEGMENT_HEAD_LENGTH));
  const content = new Uint8Array(entry.content);
  for (const block of blocksOf(entry)) {
    const sealed = object.subarray(block.from, block.to);
    content.set(await openBlock(binding.crypto, cipher, entry, block, sealed, options), block.start);
  }
  return content;
}

/** @param sealed whole chunks, of which the last may be short. */
export async function openChunksOf(
  cipher: ChunkCipher,
  sealed: Bytes,
  first: number,
  options: ReadOptions,
): Promise<Bytes> {
  const chunks = Math.ceil(sealed.length / SEALED_CHUNK);
  const plaintext = new Uint8Array(sealed.length - chunks * (SEALED_CHUNK - CHUNK));
  const range = { first, end: first + chunks, start: first * CHUNK };
  await openChunks(cipher, sealed, range, plaintext, options);
  return plaintext;
}

/** @param content what the log says that the length field says; undefined where nothing does. */
export function unpadded(plaintext: Bytes, content?: number): Bytes {
  const total = plaintext.length;
  const length = readLengthField(plaintext.subarray(total - (total % CHUNK)), total);
  if (content !== undefined && length !== content) throw authenticationFailed();
  checkZeros(plaintext, 0, length, total);
  return plaintext.slice(0, length);
}
