import type { CryptoProvider } from "../crypto/provider.js";
import { segmentContext } from "../envelope/key-schedule.js";
import { encodeSegmentHeader } from "../envelope/segment-header.js";
import { type Bytes, concatBytes } from "../formats/bytes.js";
import { CHUNK } from "../stream/geometry.js";
import { createSealer, type PushStream } from "../stream/seal.js";
import type { Journal } from "./journal.js";
import type { SegmentState } from "./journal-state.js";
import { hashChunks, hashSegmentHead } from "./leaf.js";
import type { MediaPoint } from "./manifest.js";

export interface SegmentContext {
  readonly crypto: CryptoProvider;
  readonly recordingId: Bytes;
  readonly contentKey: Bytes;
  readonly journal: Journal;
}

/** Seals one segment into the journal (format-v1, "Segment"): encryption and hashing run beside each other. */
export class SegmentWriter {
  readonly #context: SegmentContext;
  readonly #segment: SegmentState;
  readonly #sealer: PushStream;
  readonly #head: Bytes;
  /** The segment's first 86 bytes, until its first chunk takes them along. */
  #prefix: Bytes | undefined;
  #points: MediaPoint[] = [];
  #plaintextBytes = 0;

  /** @param segment whose index is durably reserved, and was never entered. */
  static async open(context: SegmentContext, segment: SegmentState): Promise<SegmentWriter> {
    const { crypto, recordingId, contentKey } = context;
    const { track, index } = segment;
    const header = encodeSegmentHeader({ flags: 0, recordingId, track, index });
    const sealer = await createSealer({ key: contentKey, context: segmentContext(header) }, { crypto });
    const prefix = concatBytes(header, sealer.header);
    return new SegmentWriter(context, segment, sealer, prefix, await hashSegmentHead(crypto, prefix));
  }

  private constructor(
    context: SegmentContext,
    segment: SegmentState,
    sealer: PushStream,
    prefix: Bytes,
    head: Bytes,
  ) {
    this.#context = context;
    this.#segment = segment;
    this.#sealer = sealer;
    this.#prefix = prefix;
    this.#head = head;
  }

  /** Bytes of plaintext that no chunk holds yet. */
  get stagedBytes(): number {
    return this.#plaintextBytes % CHUNK;
  }

  /** Whole chunks so far. */
  get chunks(): number {
    return Math.floor(this.#plaintextBytes / CHUNK);
  }

  /**
   * @param piece at most a subtree's worth; consumed before this returns its promise.
   * @returns resolves once the chunks are sealed; `stored`, once the journal has them.
   */
  async push(piece: Bytes, point: MediaPoint | undefined): Promise<{ readonly stored: Promise<unknown> }> {
    if (point) this.#points.push(point);
    this.#plaintextBytes += piece.length;
    const sealed = await this.#sealer.push(piece);
    return { stored: sealed.length === 0 ? Promise.resolve() : this.#add(sealed, false) };
  }

  /** Seals the last chunk. Resolves once the journal has it. */
  async finish(): Promise<void> {
    await this.#add(await this.#sealer.finish(), true);
  }

  /** Gives up without a last chunk, and wipes what is staged. */
  destroy(reason?: unknown): void {
    this.#sealer.destroy(reason);
  }

  #add(sealed: Bytes, isLast: boolean): Promise<unknown> {
    const prefix = this.#prefix;
    this.#prefix = undefined;
    const points = this.#points;
    this.#points = [];
    return this.#context.journal.add({
      segment: this.#segment,
      head: this.#head,
      bytes: prefix ? [prefix, sealed] : [sealed],
      hashes: hashChunks(this.#context.crypto, sealed),
      isLast,
      points,
    });
  }
}
