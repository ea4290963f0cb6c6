import { deriveSegmentKey, segmentContext } from "../envelope/key-schedule.js";
import { encodeSegmentHeader } from "../envelope/segment-header.js";
import { type Bytes, concatBytes, type MaybePromise, wipe } from "../formats/bytes.js";
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
  type SegmentEntry,
} from "../log/entry.js";
import type { KeyHolder } from "../log/keys.js";
import { leafHash, subroots } from "../log/tree.js";
import { lengthOf } from "../storage/pieces.js";
import type { JournalPiece } from "../storage/store.js";
import { CHUNK, chunkCount, SEALED_CHUNK } from "../stream/geometry.js";
import { type Padding, paddedLength, writeLengthField } from "../stream/padding.js";
import { createPlacingSealer, type PlacingSealer } from "../stream/seal.js";
import { type BlockPool, ChunkBlocks } from "./blocks.js";
import { ByteQueue } from "./byte-queue.js";
import type { RecordingContext } from "./context.js";
import { cutPieces } from "./input.js";
import { segmentBlob } from "./journal/blobs.js";
import { type NewEntry, segmentEntries, unsealedEntries } from "./journal/entries.js";
import type { SealingKeys } from "./journal/keys.js";
import type { JournalRecord } from "./journal/records.js";
import type { OpenSegment } from "./journal/state.js";
import type { Outbox } from "./outbox.js";

export interface SegmentContext extends RecordingContext {
  readonly keys: KeyHolder<Pick<SealingKeys, "contentKey">>;
  readonly blocks: BlockPool;
  readonly outbox: Outbox;
}

/** Shortest distance of media points, in milliseconds. */
const POINT_INTERVAL = 500;

/** Result of a job: `stored` resolves when it is in the journal. */
export interface Stored {
  readonly stored: Promise<unknown>;
}

export const STORED: Stored = { stored: /* @__PURE__ */ Promise.resolve() };

/** Ciphertext of a segment in memory, beside the journal's. */
export interface KeptCiphertext {
  readonly parts: readonly Bytes[];
  /** To be called once, behind the last use: the memory is used again. */
  readonly release: () => void;
}

export interface SealedSegment extends KeptCiphertext {
  readonly track: number;
  readonly index: number;
}

/** Content of a segment: its length, its time, and points of media time in it. */
class Content {
  readonly #open: OpenSegment;
  readonly #points: MediaPoint[] = [];
  #start: number | undefined;
  #length = 0;

  constructor(open: OpenSegment) {
    this.#open = open;
  }

  get length(): number {
    return this.#length;
  }

  /** Of the first byte, in milliseconds since 1970. */
  get time(): number {
    return this.#start ?? this.#open.time;
  }

  add(length: number, now: number): void {
    this.#start ??= now;
    const [time, byte] = [now - this.#start, this.#length];
    const last = this.#points.at(-1) ?? { time: 0, byte: 0 };
    const isFar = time - last.time >= POINT_INTERVAL && byte > last.byte && time < 2 ** 32;
    if (isFar && this.#points.length < MAX_POINTS) this.#points.push({ time, byte });
    this.#length += length;
  }

  /** For the entry of a segment that ends behind `length` bytes. */
  until(length: number): Pick<SegmentEntry, "time" | "content" | "points"> {
    return { time: this.time, content: length, points: this.#points.filter(({ byte }) => byte < length) };
  }
}

/** Stream of a segment, its header, salt and commitment, and their hash. */
interface SegmentStream {
  readonly sealer: PlacingSealer;
  readonly head: Bytes;
  readonly headHash: Bytes;
}

async function startStream(
  { settings, journal, keys }: SegmentContext,
  { track, take, index }: OpenSegment,
  flags: number,
): Promise<SegmentStream> {
  const { crypto } = settings;
  const { recordingId } = journal.state.start!;
  const header = encodeSegmentHeader({ flags, recordingId, track, take, index });
  const key = await keys.use(({ contentKey }) => deriveSegmentKey(crypto, contentKey, header));
  const sealer = await createPlacingSealer(crypto, { key, context: segmentContext(header) });
  wipe(key);
  const head = concatBytes(header, sealer.header);
  return { sealer, head, headHash: await hashSegmentHead(crypto, head) };
}

/**
 * A segment that is being written. Without padding it is sealed as it comes, chunk by chunk: encryption, hashing and journalling
 * run beside each other. With padding it is sealed as a whole when it ends: never cut, journalled whole or lost.
 */
export class SegmentWriter {
  readonly open: OpenSegment;
  readonly #context: SegmentContext;
  readonly #padding: Padding | undefined;
  readonly #stream: SegmentStream;
  readonly #content: Content;
  /** Content that waits for its padding. */
  readonly #staged = new ByteQueue();
  readonly #chunks: ChunkBlocks;
  readonly #hashes: Promise<readonly Bytes[]>[] = [];
  /** Bytes sealed for the journal. */
  #length = 0;

  private constructor(
    context: SegmentContext,
    open: OpenSegment,
    padding: Padding | undefined,
    stream: SegmentStream,
  ) {
    this.#context = context;
    this.open = open;
    this.#padding = padding;
    this.#stream = stream;
    this.#content = new Content(open);
    this.#chunks = new ChunkBlocks(context.blocks);
  }

  /** @param open durably reserved, and without an entry. */
  static async open(
    context: SegmentContext,
    open: OpenSegment,
    padding: Padding | undefined,
  ): Promise<SegmentWriter> {
    const flags = padding ? SegmentFlag.padded : 0;
    return new SegmentWriter(context, open, padding, await startStream(context, open, flags));
  }

  /** Whether `length` bytes more fit. */
  fits(length: number): boolean {
    const total = this.#content.length + length;
    return chunkCount(this.#padding ? paddedLength(this.#padding, total) : total) <= SEGMENT_CHUNKS;
  }

  /**
   * @param piece at most 16 chunks; consumed before this returns its promise.
   * @returns resolves when it is sealed or staged.
   */
  async push(piece: Bytes, time: number): Promise<Stored> {
    this.#content.add(piece.length, time);
    if (this.#padding) {
      this.#staged.push(piece);
      return STORED;
    }
    const first = this.#chunks.count;
    await this.#seal(piece);
    if (this.#chunks.count === first) return STORED;
    const { journal } = this.#context;
    const { track, index } = this.open;
    const written = this.#pieceOf(this.#chunks.from(first));
    const grown = { kind: "grow", track, index, length: this.#length, time: this.#content.time } as const;
    const stored = journal.write(() => {
      journal.state.open(this.open);
      return { pieces: [written], records: [grown] };
    });
    return { stored };
  }

  /** Seals the end. Resolves when segment and entry are durable. @param more records of the same step. */
  async finish(more: () => readonly JournalRecord[]): Promise<void> {
    const { journal, outbox } = this.#context;
    const first = this.#chunks.count;
    if (this.#padding) await this.#sealPadded(this.#padding);
    const last = await this.#stream.sealer.finish();
    const written = this.#pieceOf([...this.#chunks.from(first), last]);
    const length = this.#length;
    const chunks = (await Promise.all(this.#hashes)).flat();
    const { track, index } = this.open;
    const parts = [this.#stream.head, ...this.#chunks.from(0), last];
    outbox.keep({ track, index, parts, release: () => this.#chunks.release() });
    await journal.write(() => ({
      entries: this.#entries(SegmentEnd.final, length, this.#content.length, chunks),
      pieces: [written],
      records: more(),
    }));
  }

  /** To be called in a step of the journal: entries of the segment without its end. */
  async cut(cause: LossCause, time: number): Promise<readonly NewEntry[]> {
    const { state } = this.#context.journal;
    // Later steps of this segment are refused: the length here is final.
    const { length } = state.open(this.open);
    if (length === 0) return unsealedEntries(state.track(this.open.track), this.open, cause, time);
    const count = (length - SEGMENT_HEAD_LENGTH) / SEALED_CHUNK;
    const chunks = (await Promise.all(this.#hashes)).flat().slice(0, count);
    return this.#entries(SegmentEnd.cut, length, count * CHUNK, chunks);
  }

  /** Gives up and wipes all unsealed content. */
  destroy(reason: unknown): void {
    this.#stream.sealer.destroy(reason);
    this.#staged.wipe();
  }

  #seal(piece: Bytes): MaybePromise<void> {
    return this.#stream.sealer.push(piece, () => this.#chunks.place());
  }

  async #sealPadded(padding: Padding): Promise<void> {
    const { length } = this.#staged;
    const padded = new Uint8Array(paddedLength(padding, length));
    this.#staged.takeInto(padded.subarray(0, length));
    writeLengthField(padded, length);
    try {
      for (const piece of cutPieces(padded)) await this.#seal(piece);
    } finally {
      wipe(padded);
    }
  }

  #entries(end: SegmentEnd, length: number, content: number, chunks: readonly Bytes[]): NewEntry[] {
    const track = this.#context.journal.state.track(this.open.track);
    const hashes = { head: this.#stream.headHash, subroots: subroots(chunks.map(leafHash)) };
    return segmentEntries(track, this.open, { end, length, ...this.#content.until(content), ...hashes });
  }

  /** Newly sealed chunks for the journal; the first take the segment's head along. */
  #pieceOf(sealed: readonly Bytes[]): JournalPiece {
    const offset = this.#length;
    const parts = offset === 0 ? [this.#stream.head, ...sealed] : sealed;
    for (const run of sealed) {
      const hashes = hashChunks(this.#context.settings.crypto, run);
      hashes.catch(() => {});
      this.#hashes.push(hashes);
    }
    this.#length += lengthOf(parts);
    return { blob: segmentBlob(this.open.track, this.open.index), offset, parts };
  }
}
