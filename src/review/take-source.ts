/// <reference lib="esnext.disposable" preserve="true" />
import { closedError, truncated } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { type Checks, countArgument, readOptions } from "../formats/options.js";
import { SEGMENT_HEAD_LENGTH, type SegmentEntry } from "../log/entry.js";
import { checkRange, type ReadOptions, readOptionsOf } from "../source/byte-source.js";
import type { ChunkCipher } from "../stream/chunk.js";
import { CHUNK } from "../stream/geometry.js";
import { asyncDispose } from "../stream/operation.js";
import type { RandomAccess } from "../stream/random-access.js";
import { lowerBound, type SegmentLayout, type TakeLayout } from "./layout.js";
import { type Block, blocksOf, headerOf, openBlock, openListedHead } from "./segment.js";
import { missingObject, type StoredObject } from "./store.js";
import { TaskCache } from "./task-cache.js";
import { objectOf, segmentKeyOf, type UnlockedRecording } from "./unlocked-recording.js";

/** Options of a take's `source`. */
export interface TakeSourceOptions {
  /** Bytes of opened content to keep; 8 MiB unless stated. Each read may hold 3 MiB more. */
  readonly cacheBytes?: number;
}

const TAKE_SOURCE: Checks<TakeSourceOptions> = { cacheBytes: countArgument };
const DEFAULT_CACHE = 8 * 2 ** 20;
/** Blocks of one read, or ahead of it, under way at the same time. */
const BLOCKS_IN_FLIGHT = 3;
/** Bytes of one step of a stream. */
const STREAM_STEP = 256 * 1024;
const BLOCK_CONTENT = 64 * CHUNK;
/** Stored objects open at the same time: each may hold a file or a connection. */
const OPEN_SEGMENTS = 8;

/**
 * A take's content as one seekable whole, over the borders of its segments. Every byte returned was authenticated by
 * its chunk, and its chunk's ciphertext was checked against the signed manifest: blocks of 64 chunks (1 MiB) are
 * fetched, hashed, opened and cached whole. A read that goes on at the end of the last one fetches ahead.
 */
export interface TakeSource extends RandomAccess {
  [Symbol.asyncDispose](): Promise<void>;
}

/** A block in the take. */
interface Piece {
  readonly segment: SegmentLayout;
  readonly block: Block;
  /** Start of the block's content in the take's. */
  readonly start: number;
  readonly size: number;
}

export class SegmentedTakeSource implements TakeSource {
  readonly size: number;
  readonly #recording: UnlockedRecording;
  readonly #take: TakeLayout;
  readonly #segments = new TaskCache<SegmentHandle>(OPEN_SEGMENTS, ({ object }) => object.close());
  readonly #blocks: TaskCache<Bytes>;
  /** Blocks fetched beyond the end of a sequential read. */
  readonly #ahead: number;
  #isClosed = false;
  #sequentialFrom = -1;

  constructor(recording: UnlockedRecording, take: TakeLayout, given?: TakeSourceOptions) {
    const options = readOptions<TakeSourceOptions>("options", given, TAKE_SOURCE);
    const { cacheBytes = DEFAULT_CACHE } = options;
    this.size = take.size;
    this.#recording = recording;
    this.#take = take;
    this.#blocks = new TaskCache(cacheBytes, (content) => wipe(content));
    this.#ahead = Math.max(0, Math.min(BLOCKS_IN_FLIGHT, Math.floor(cacheBytes / BLOCK_CONTENT)) - 1);
    recording.keys.signal.addEventListener("abort", this.#onClosing);
  }

  readonly #onClosing = (): void => {
    // The error of a source's own close has no receiver here.
    this.close().catch(() => {});
  };

  async read(start: number, end: number, given?: ReadOptions): Promise<Bytes> {
    const options = readOptionsOf(given);
    this.#checkOpen();
    checkRange(start, end, this.size);
    options.signal?.throwIfAborted();
    const hole = this.#holeIn(start, end);
    if (hole !== undefined) throw brokenOff(hole);
    const output = new Uint8Array(end - start);
    let aheadLeft = start === this.#sequentialFrom ? this.#ahead : 0;
    this.#sequentialFrom = end;
    const pieces = this.#pieces(start);
    const pending: Promise<void>[] = [];
    const fetchNext = (): void => {
      const { value: piece } = pieces.next();
      if (!piece || (piece.start >= end && aheadLeft-- <= 0)) return;
      const copied = this.#copy(piece, start, output, options);
      // A failure counts in its turn, and that of a piece ahead not at all.
      copied.catch(() => {});
      if (piece.start < end) pending.push(copied);
    };
    for (let i = 0; i < BLOCKS_IN_FLIGHT; i++) fetchNext();
    for (let next = pending.shift(); next; next = pending.shift()) {
      await next;
      fetchNext();
    }
    return output;
  }

  stream(start = 0, end = this.size, given?: ReadOptions): ReadableStream<Bytes> {
    const options = readOptionsOf(given);
    this.#checkOpen();
    checkRange(start, end, this.size);
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    let position = start;
    return new ReadableStream<Bytes>({
      pull: async (controller) => {
        if (position < end) {
          const wholeStep = Math.min(end, position + STREAM_STEP);
          // Everything up to a hole, then its error.
          const stepEnd = this.#holeIn(position, wholeStep) ?? wholeStep;
          if (position > start && this.#holeIn(position - 1, position + 1) !== undefined)
            throw brokenOff(position);
          // A stream is sequential from its first step on.
          this.#sequentialFrom = position;
          const step = await this.read(position, stepEnd, { signal });
          position = stepEnd;
          controller.enqueue(step);
        }
        if (position >= end) controller.close();
      },
      cancel: (reason) => stop.abort(reason),
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#recording.keys.signal.removeEventListener("abort", this.#onClosing);
    const reason = closedError("the source");
    await Promise.all([this.#blocks.close(reason), this.#segments.close(reason)]);
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    this.#recording.keys.checkOpen();
    if (this.#isClosed) throw closedError("the source");
  }

  /** A hole inside `(start, end)`: content on both sides of it is never joined. */
  #holeIn(start: number, end: number): number | undefined {
    const { holes } = this.#take;
    const hole = holes[lowerBound(holes, (each) => each > start)];
    return hole !== undefined && hole < end ? hole : undefined;
  }

  /** The blocks from content byte `start` on, to the take's end. */
  *#pieces(start: number): Generator<Piece, void, undefined> {
    const { segments } = this.#take;
    const first = lowerBound(segments, ({ start: at, entry }) => at + entry.content > start);
    for (let i = first; i < segments.length; i++) {
      const segment = segments[i]!;
      for (const block of blocksOf(segment.entry)) {
        const size = block.end - block.start;
        if (size > 0 && segment.start + block.end > start)
          yield { segment, block, start: segment.start + block.start, size };
      }
    }
  }

  /** Copies the common part of a piece and of `output`, which begins at content byte `start`. */
  #copy(piece: Piece, start: number, output: Bytes, options: ReadOptions): Promise<void> {
    const { segment, block, size } = piece;
    const key = `${segment.ordinal}/${block.firstChunk}`;
    const open = (signal: AbortSignal) => this.#open(piece, signal);
    return this.#blocks.use(key, size, options, open, (content) => {
      this.#checkOpen();
      const from = Math.max(0, start - piece.start);
      const to = Math.min(size, start + output.length - piece.start);
      if (to > from) output.set(content.subarray(from, to), piece.start + from - start);
    });
  }

  /** A piece's content, its segment open for as long as that takes. */
  #open({ segment: { entry, ordinal }, block }: Piece, signal: AbortSignal): Promise<Bytes> {
    const { crypto } = this.#recording;
    const open = (stop: AbortSignal) => openSegment(this.#recording, entry, block, { signal: stop });
    return this.#segments.use(`${ordinal}`, 1, { signal }, open, async (segment) => {
      const sealed = await readSealed(segment, block, { signal });
      return openBlock(crypto, segment.cipher, entry, block, sealed, { signal });
    });
  }
}

function brokenOff(position: number) {
  return truncated("this part of the take, behind which segments are missing,", position);
}

/** A listed segment in the store, its head checked. */
interface SegmentHandle {
  readonly object: StoredObject;
  readonly cipher: ChunkCipher;
  /** Ciphertext of the first block, until its use, where it was read along with the head. */
  firstBlock: Bytes | undefined;
}

/**
 * Reads and checks the head, with one request together with the first block where that is `wanted`.
 *
 * @throws BlindreelError `truncated` also for a missing object; and as {@link openListedHead}.
 */
async function openSegment(
  recording: UnlockedRecording,
  entry: SegmentEntry,
  wanted: Block,
  options: ReadOptions,
): Promise<SegmentHandle> {
  const name = objectOf(recording, entry);
  const isFirst = wanted.firstChunk === 0;
  const end = isFirst ? wanted.to : SEGMENT_HEAD_LENGTH;
  const object = await recording.store.open(name, { start: 0, end }, options);
  if (!object) throw missingObject(name);
  try {
    const bytes = await object.read(0, end, options);
    const key = await segmentKeyOf(recording, headerOf(recording, entry));
    const cipher = await openListedHead(recording, entry, bytes.slice(0, SEGMENT_HEAD_LENGTH), key);
    return { object, cipher, firstBlock: isFirst ? bytes.subarray(SEGMENT_HEAD_LENGTH) : undefined };
  } catch (error) {
    await object.close();
    throw error;
  }
}

/** @throws BlindreelError `authentication-failed`, `truncated`, `source-failed`. */
async function readSealed(segment: SegmentHandle, block: Block, options: ReadOptions): Promise<Bytes> {
  const { object, firstBlock } = segment;
  if (block.firstChunk > 0 || !firstBlock) return object.read(block.from, block.to, options);
  segment.firstBlock = undefined;
  return firstBlock;
}
