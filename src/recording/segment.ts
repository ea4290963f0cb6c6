import type { CryptoProvider } from "../crypto/provider.js";
import { deriveSegmentKey, segmentContext } from "../envelope/key-schedule.js";
import { encodeSegmentHeader, SEGMENT_HEADER_LENGTH } from "../envelope/segment-header.js";
import { type Bytes, concatBytes, wipe } from "../formats/bytes.js";
import { SegmentFlag } from "../formats/constants.js";
import { hashChunks } from "../log/chunk-hashes.js";
import {
  hashSegmentHead,
  type LossCause,
  MAX_POINTS,
  type MediaPoint,
  SEGMENT_CHUNKS,
  SEGMENT_HEAD_LENGTH,
  SegmentEnd,
} from "../log/entry.js";
import type { KeyHolder } from "../log/keys.js";
import { leafHash, subroots } from "../log/tree.js";
import { CHUNK, chunkCount, SEALED_CHUNK } from "../stream/geometry.js";
import { type Padding, paddedLength } from "../stream/padding.js";
import {
  createPlacingSealer,
  layOut,
  type PlacingSealer,
  type SealPlan,
  sealLayout,
} from "../stream/seal.js";
import { type BlockPool, ChunkBlocks } from "./blocks.js";
import { ByteQueue } from "./byte-queue.js";
import type { Journal } from "./journal/journal.js";
import type { JournalRecord } from "./journal/records.js";
import type { OpenSegment } from "./journal/state.js";
import { segmentBlob, segmentRecords, unsealedRecords } from "./journal/steps.js";

export type ContentKeys = KeyHolder<{ readonly contentKey: Bytes }>;

export interface SegmentContext {
  readonly crypto: CryptoProvider;
  readonly recordingId: Bytes;
  readonly keys: ContentKeys;
  readonly journal: Journal;
  readonly blocks: BlockPool;
  /** Told of ciphertext that the journal is about to have, so that it need not be read back. */
  keep(segment: SealedSegment): void;
}

/** Media points are at least so many milliseconds apart. */
const POINT_INTERVAL = 500;

/** A segment that is being written: what differs is when its content is sealed. */
export interface SegmentWriter {
  readonly open: OpenSegment;
  /** Whether so many bytes more still fit. */
  fits(length: number): boolean;
  /**
   * @param piece at most 16 chunks; consumed before this returns its promise.
   * @returns resolves when it is sealed or staged; `stored`, when the journal has what was sealed of it.
   */
  push(piece: Bytes, time: number): Promise<{ readonly stored: Promise<void> }>;
  /** Seals the end. Resolves when segment and entry are durable. @param more records for the same commit. */
  finish(more: () => readonly JournalRecord[]): Promise<void>;
  /** To be called in a step of the journal: what the log says where the segment ends without its end. */
  cut(cause: LossCause, time: number): Promise<readonly JournalRecord[]>;
  /** Gives up what is not sealed, and wipes it. */
  destroy(reason: unknown): void;
}

/** The ciphertext of a segment that the journal has, while it is in memory too. */
export interface KeptCiphertext {
  readonly parts: readonly Bytes[];
  /** To be called once, when the journal has them and nobody reads them any more: their memory is used again. */
  readonly release: () => void;
}

export interface SealedSegment extends KeptCiphertext {
  readonly track: number;
  readonly index: number;
}

/** Whether content of `length` bytes fits into a segment. */
function fitsSegment(length: number, padding: Padding | undefined): boolean {
  return chunkCount(padding ? paddedLength(padding, length) : length) <= SEGMENT_CHUNKS;
}

/** @param open whose index is durably reserved, and was never entered. */
export function openSegmentWriter(
  context: SegmentContext,
  open: OpenSegment,
  padding: Padding | undefined,
): Promise<SegmentWriter> {
  return padding
    ? Promise.resolve(new PaddedSegment(context, open, padding))
    : StreamedSegment.open(context, open);
}

/** The header of a segment, and the key and context of its stream (format-v1, "Segment"). The caller's stream wipes the key. */
function segmentPlan(
  { crypto, recordingId, keys }: SegmentContext,
  open: OpenSegment,
  flags: number,
): Promise<SealPlan> {
  const { track, take, index } = open;
  const prefix = encodeSegmentHeader({ flags, recordingId, track, take, index });
  return keys.use(async ({ contentKey }) => {
    const key = await deriveSegmentKey(crypto, contentKey, prefix);
    return { prefix, streamKey: { key, context: segmentContext(prefix) } };
  });
}

function byteLength(parts: readonly Bytes[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** Points of media time in one segment. */
class MediaPoints {
  readonly #points: MediaPoint[] = [];
  #start: number | undefined;

  /** When the segment's first byte was written. */
  get start(): number | undefined {
    return this.#start;
  }

  add(now: number, byte: number): void {
    this.#start ??= now;
    const time = now - this.#start;
    const last = this.#points.at(-1) ?? { time: 0, byte: 0 };
    const isFar = time - last.time >= POINT_INTERVAL && byte > last.byte && time < 2 ** 32;
    if (isFar && this.#points.length < MAX_POINTS) this.#points.push({ time, byte });
  }

  before(content: number): MediaPoint[] {
    return this.#points.filter(({ byte }) => byte < content);
  }
}

/** Sealed as it comes, chunk by chunk: encryption, hashing and journalling run beside each other. */
class StreamedSegment implements SegmentWriter {
  readonly open: OpenSegment;
  readonly #context: SegmentContext;
  readonly #sealer: PlacingSealer;
  readonly #prefix: Bytes;
  readonly #head: Bytes;
  readonly #points = new MediaPoints();
  readonly #chunks: ChunkBlocks;
  readonly #hashes: Promise<readonly Bytes[]>[] = [];
  #length = 0;
  #content = 0;

  static async open(context: SegmentContext, open: OpenSegment): Promise<StreamedSegment> {
    const { crypto } = context;
    const { prefix, streamKey } = await segmentPlan(context, open, 0);
    const sealer = await createPlacingSealer(crypto, streamKey);
    wipe(streamKey.key);
    const head = concatBytes(prefix, sealer.header);
    return new StreamedSegment(context, open, sealer, head, await hashSegmentHead(crypto, head));
  }

  private constructor(
    context: SegmentContext,
    open: OpenSegment,
    sealer: PlacingSealer,
    prefix: Bytes,
    head: Bytes,
  ) {
    this.#context = context;
    this.open = open;
    this.#sealer = sealer;
    this.#prefix = prefix;
    this.#head = head;
    this.#chunks = new ChunkBlocks(context.blocks);
  }

  fits(length: number): boolean {
    return fitsSegment(this.#content + length, undefined);
  }

  async push(piece: Bytes, time: number): Promise<{ readonly stored: Promise<void> }> {
    this.#points.add(time, this.#content);
    this.#content += piece.length;
    const first = this.#chunks.count;
    const sealing = this.#sealer.push(piece, () => this.#chunks.place());
    if (sealing) await sealing;
    if (this.#chunks.count === first) return { stored: Promise.resolve() };
    const parts = this.#takeParts(this.#chunks.from(first));
    const { track, index } = this.open;
    const length = this.#length;
    const grown = { kind: "grow", track, index, length, time: this.#points.start! } as const;
    const stored = this.#context.journal.write(() => {
      this.#context.journal.state.open(this.open);
      return { pieces: [this.#piece(parts, length)], records: [grown] };
    });
    return { stored };
  }

  async finish(more: () => readonly JournalRecord[]): Promise<void> {
    const { journal, crypto } = this.#context;
    const last = await this.#sealer.finish();
    const hashed = [...this.#hashes, hashChunks(crypto, last)];
    const parts = this.#length === 0 ? [this.#prefix, last] : [last];
    const length = this.#length + byteLength(parts);
    const chunks = (await Promise.all(hashed)).flat();
    const { track, index } = this.open;
    this.#context.keep({
      track,
      index,
      parts: [this.#prefix, ...this.#chunks.from(0), last],
      release: () => this.#chunks.release(),
    });
    await journal.write(() => ({
      pieces: [this.#piece(parts, length)],
      records: [...this.#records(SegmentEnd.final, length, this.#content, chunks), ...more()],
    }));
  }

  async cut(cause: LossCause, time: number): Promise<readonly JournalRecord[]> {
    const { crypto, journal } = this.#context;
    // What is sealed and comes behind this step is not written any more.
    const { length } = journal.state.open(this.open);
    if (length === 0) {
      const track = journal.state.track(this.open.track);
      return unsealedRecords(crypto, track, this.open, cause, time);
    }
    const count = (length - SEGMENT_HEAD_LENGTH) / SEALED_CHUNK;
    const chunks = (await Promise.all(this.#hashes)).flat().slice(0, count);
    return this.#records(SegmentEnd.cut, length, count * CHUNK, chunks);
  }

  destroy(reason: unknown): void {
    this.#sealer.destroy(reason);
  }

  #records(
    end: SegmentEnd,
    length: number,
    content: number,
    chunks: readonly Bytes[],
  ): readonly JournalRecord[] {
    const { crypto, journal } = this.#context;
    return segmentRecords(crypto, journal.state.track(this.open.track), this.open, {
      end,
      time: this.#points.start ?? this.open.time,
      length,
      content,
      head: this.#head,
      subroots: subroots(chunks.map(leafHash)),
      points: this.#points.before(content),
    });
  }

  /** What goes to the journal with newly sealed chunks: the first take the segment's head along. */
  #takeParts(sealed: readonly Bytes[]): readonly Bytes[] {
    const parts = this.#length === 0 ? [this.#prefix, ...sealed] : sealed;
    for (const run of sealed) {
      const hashes = hashChunks(this.#context.crypto, run);
      hashes.catch(() => {});
      this.#hashes.push(hashes);
    }
    this.#length += byteLength(parts);
    return parts;
  }

  /** @param end where the parts end in the segment. */
  #piece(parts: readonly Bytes[], end: number) {
    const { track, index } = this.open;
    return { blob: segmentBlob(track, index), offset: end - byteLength(parts), parts };
  }
}

/** Sealed as a whole when it ends, so that its length says little: never cut, journalled whole or lost. */
class PaddedSegment implements SegmentWriter {
  readonly open: OpenSegment;
  readonly #context: SegmentContext;
  readonly #padding: Padding;
  readonly #points = new MediaPoints();
  readonly #staged = new ByteQueue();
  #content = 0;

  constructor(context: SegmentContext, open: OpenSegment, padding: Padding) {
    this.#context = context;
    this.open = open;
    this.#padding = padding;
  }

  fits(length: number): boolean {
    return fitsSegment(this.#content + length, this.#padding);
  }

  async push(piece: Bytes, time: number): Promise<{ readonly stored: Promise<void> }> {
    this.#points.add(time, this.#content);
    this.#content += piece.length;
    this.#staged.push(piece);
    return { stored: Promise.resolve() };
  }

  async finish(more: () => readonly JournalRecord[]): Promise<void> {
    const { crypto, journal } = this.#context;
    const data = this.#staged.take();
    const layout = layOut(data, SEGMENT_HEADER_LENGTH, this.#padding);
    wipe(data);
    await sealLayout(layout, segmentPlan(this.#context, this.open, SegmentFlag.padded), { crypto });
    const { output } = layout;
    const head = await hashSegmentHead(crypto, output.slice(0, SEGMENT_HEAD_LENGTH));
    const chunks = await hashChunks(crypto, output.subarray(SEGMENT_HEAD_LENGTH));
    const { track, index } = this.open;
    this.#context.keep({ track, index, parts: [output], release: () => {} });
    await journal.write(() => ({
      pieces: [{ blob: segmentBlob(track, index), offset: 0, parts: [output] }],
      records: [
        ...segmentRecords(crypto, journal.state.track(track), this.open, {
          end: SegmentEnd.final,
          time: this.#points.start ?? this.open.time,
          length: output.length,
          content: this.#content,
          head,
          subroots: subroots(chunks.map(leafHash)),
          points: this.#points.before(this.#content),
        }),
        ...more(),
      ],
    }));
  }

  async cut(cause: LossCause, time: number): Promise<readonly JournalRecord[]> {
    const { crypto, journal } = this.#context;
    return unsealedRecords(crypto, journal.state.track(this.open.track), this.open, cause, time);
  }

  destroy(): void {
    this.#staged.wipe();
  }
}
