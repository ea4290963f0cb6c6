import type { CryptoProvider } from "../crypto/provider.js";
import { segmentContext } from "../envelope/key-schedule.js";
import { decodeSegmentHeader, SEGMENT_HEADER_LENGTH } from "../envelope/segment-header.js";
import { authenticationFailed, BlindreelError, malformed } from "../errors.js";
import { type Bytes, compareBytes } from "../formats/bytes.js";
import type { ByteSource, ReadOptions } from "../source/byte-source.js";
import { openChunks } from "../stream/batch.js";
import type { ChunkCipher } from "../stream/chunk.js";
import { startOpening } from "../stream/derive.js";
import { CHUNK } from "../stream/geometry.js";
import { type Block, blockCount, blockOf } from "./layout.js";
import { hashChunks, hashSegmentHead, SEGMENT_HEAD_LENGTH } from "./leaf.js";
import type { ManifestEntry } from "./manifest.js";
import { readPart } from "./objects.js";
import { leafHash, treeRoot } from "./tree.js";

/** What all of a recording's segments are opened with. */
export interface RecordingKeys {
  readonly crypto: CryptoProvider;
  readonly recordingId: Bytes;
  readonly contentKey: Bytes;
}

/**
 * The cipher of a segment, from its first 86 bytes.
 *
 * @throws BlindreelError `malformed`, `unsupported-version`, `unsupported-algorithm`, `wrong-recording`,
 *   `authentication-failed`.
 */
export function openSegmentHead(
  { crypto, recordingId, contentKey }: RecordingKeys,
  { track, index }: Pick<ManifestEntry, "track" | "index">,
  head: Bytes,
): Promise<ChunkCipher> {
  const headerBytes = head.slice(0, SEGMENT_HEADER_LENGTH);
  const header = decodeSegmentHeader(headerBytes, 0);
  if (compareBytes(header.recordingId, recordingId) !== 0) {
    throw new BlindreelError("wrong-recording", "this segment belongs to another recording", undefined);
  }
  // Lengths in the manifest are those of content only where nothing is padded.
  if (header.flags !== 0) throw malformed("a recording's segment is padded", 0);
  if (header.track !== track || header.index !== index) throw authenticationFailed();
  const streamKey = { key: contentKey.slice(), context: segmentContext(headerBytes) };
  return startOpening(crypto, streamKey, head.slice(SEGMENT_HEADER_LENGTH, SEGMENT_HEAD_LENGTH));
}

/**
 * Whether a block's ciphertext is what its subroot was made from.
 *
 * @param sealed the block's whole ciphertext.
 */
export async function isBlockSigned(
  crypto: CryptoProvider,
  entry: ManifestEntry,
  block: Block,
  sealed: Bytes,
): Promise<boolean> {
  const leaves = (await hashChunks(crypto, sealed)).map(leafHash);
  return compareBytes(treeRoot(leaves), entry.subroots[block.index]!) === 0;
}

/** One stored segment, opened block by block; every block is checked against the signed tree before it is opened. */
export class SegmentReader {
  readonly #keys: RecordingKeys;
  readonly #source: ByteSource;
  readonly #name: string;
  readonly #entry: ManifestEntry;
  readonly #cipher: ChunkCipher;
  /** Ciphertext of a segment that is but one block, read along with its head. */
  #onlyBlock: Bytes | undefined;

  private constructor(
    keys: RecordingKeys,
    source: ByteSource,
    name: string,
    entry: ManifestEntry,
    opened: { readonly cipher: ChunkCipher; readonly onlyBlock: Bytes | undefined },
  ) {
    this.#keys = keys;
    this.#source = source;
    this.#name = name;
    this.#entry = entry;
    this.#cipher = opened.cipher;
    this.#onlyBlock = opened.onlyBlock;
  }

  /**
   * Reads the head and checks it: it says how the chunks are opened, and is signed like them.
   *
   * @throws BlindreelError `authentication-failed`, `truncated`, and those of {@link openSegmentHead}.
   */
  static async open(
    keys: RecordingKeys,
    source: ByteSource,
    name: string,
    entry: ManifestEntry,
    options: ReadOptions,
  ): Promise<SegmentReader> {
    const isSmall = blockCount(entry) === 1;
    const bytes = await readPart(source, name, 0, isSmall ? entry.length : SEGMENT_HEAD_LENGTH, options);
    const head = bytes.slice(0, SEGMENT_HEAD_LENGTH);
    if (compareBytes(await hashSegmentHead(keys.crypto, head), entry.head) !== 0)
      throw authenticationFailed();
    const cipher = await openSegmentHead(keys, entry, head);
    const onlyBlock = isSmall ? bytes.subarray(SEGMENT_HEAD_LENGTH) : undefined;
    return new SegmentReader(keys, source, name, entry, { cipher, onlyBlock });
  }

  /** @returns the block's content. @throws BlindreelError `authentication-failed`, `truncated`, `source-failed`. */
  async readBlock(index: number, options: ReadOptions): Promise<Bytes> {
    const block = blockOf(this.#entry, index);
    const sealed =
      this.#onlyBlock ?? (await readPart(this.#source, this.#name, block.from, block.to, options));
    this.#onlyBlock = undefined;
    if (!(await isBlockSigned(this.#keys.crypto, this.#entry, block, sealed))) throw authenticationFailed();
    const content = new Uint8Array(block.size);
    const { firstChunk, endChunk } = block;
    const range = { first: firstChunk, end: endChunk, start: firstChunk * CHUNK };
    await openChunks(this.#cipher, sealed, range, content, options);
    return content;
  }

  async close(): Promise<void> {
    this.#onlyBlock = undefined;
    await this.#source.close?.();
  }
}
