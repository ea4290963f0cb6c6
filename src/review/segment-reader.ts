import type { Bytes } from "../formats/bytes.js";
import { SEGMENT_HEAD_LENGTH, type SegmentEntry } from "../log/entry.js";
import type { ReadOptions } from "../source/byte-source.js";
import type { ChunkCipher } from "../stream/chunk.js";
import type { Block } from "./layout.js";
import { type KeyOf, openBlock, openListedHead, type RecordingBinding } from "./segment.js";
import { missingObject, type Store, type StoredObject } from "./store.js";

/** One stored segment, opened block by block; every block is checked against the signed tree before it is opened. */
export class SegmentReader {
  readonly #binding: RecordingBinding;
  readonly #object: StoredObject;
  readonly #entry: SegmentEntry;
  readonly #cipher: ChunkCipher;
  /** Ciphertext of the first block, where it was read along with the head. */
  #firstBlock: Bytes | undefined;

  private constructor(
    binding: RecordingBinding,
    object: StoredObject,
    entry: SegmentEntry,
    cipher: ChunkCipher,
    firstBlock: Bytes | undefined,
  ) {
    this.#binding = binding;
    this.#object = object;
    this.#entry = entry;
    this.#cipher = cipher;
    this.#firstBlock = firstBlock;
  }

  /**
   * Reads the head and checks it: it says how the chunks are opened, and is signed like them. Where the first block is what
   * is wanted, both come with one request.
   *
   * @throws BlindreelError `truncated` also where there is no such object; and as {@link openListedHead}.
   */
  static async open(
    binding: RecordingBinding,
    keyOf: KeyOf,
    store: Store,
    name: string,
    entry: SegmentEntry,
    wanted: Block,
    options: ReadOptions,
  ): Promise<SegmentReader> {
    const isFirst = wanted.index === 0;
    const end = isFirst ? wanted.to : SEGMENT_HEAD_LENGTH;
    const object = await store.open(name, { start: 0, end }, options);
    if (!object) throw missingObject(name);
    try {
      const bytes = await object.read(0, end, options);
      const cipher = await openListedHead(binding, keyOf, entry, bytes.slice(0, SEGMENT_HEAD_LENGTH));
      const firstBlock = isFirst ? bytes.subarray(SEGMENT_HEAD_LENGTH) : undefined;
      return new SegmentReader(binding, object, entry, cipher, firstBlock);
    } catch (error) {
      await object.close();
      throw error;
    }
  }

  /** @returns the block's content. @throws BlindreelError `authentication-failed`, `truncated`, `source-failed`. */
  async readBlock(block: Block, options: ReadOptions): Promise<Bytes> {
    const prefetched = block.index === 0 ? this.#firstBlock : undefined;
    if (prefetched) this.#firstBlock = undefined;
    const sealed = prefetched ?? (await this.#object.read(block.from, block.to, options));
    return openBlock(this.#binding.crypto, this.#cipher, this.#entry, block, sealed, options);
  }

  async close(): Promise<void> {
    this.#firstBlock = undefined;
    await this.#object.close();
  }
}
