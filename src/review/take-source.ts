import { closedError, truncated } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { type Checks, countArgument, readOptions } from "../formats/options.js";
import { checkRange, type ReadOptions, readOptionsOf } from "../source/byte-source.js";
import { CHUNK } from "../stream/geometry.js";
import { asyncDispose } from "../stream/operation.js";
import type { RandomAccess } from "../stream/random-access.js";
import { BlockCache } from "./block-cache.js";
import { type Block, blocksOf, type SegmentLayout, type TakeLayout } from "./layout.js";
import type { ReviewContext } from "./review-track.js";
import { keysFrom } from "./segment.js";
import { SegmentReader } from "./segment-reader.js";
import { SharedTask } from "./shared-task.js";

/** Options of a take's `source`. */
export interface TakeSourceOptions {
  /** Bytes of opened content to keep; 8 MiB where nothing is said. Each read may hold 3 MiB more. */
  readonly cacheBytes?: number;
}

const TAKE_SOURCE: Checks<TakeSourceOptions> = { cacheBytes: countArgument };
const DEFAULT_CACHE = 8 * 2 ** 20;
/** Blocks of one read, or ahead of it, that are on their way at the same time. */
const BLOCKS_IN_FLIGHT = 3;
/** How much one step of a stream reads. */
const STREAM_STEP = 256 * 1024;
const BLOCK_CONTENT = 64 * CHUNK;
/** Stored objects held open at the same time. */
const OPEN_SEGMENTS = 8;

/**
 * A take's content as one seekable whole, over the borders of its segments. Every byte returned was authenticated by
 * its chunk, and its chunk's ciphertext was checked against the signed manifest: blocks of 64 chunks (1 MiB) are
 * fetched, hashed, opened and cached whole. A read that goes on where the last one ended fetches ahead.
 */
export interface TakeSource extends RandomAccess {
  [Symbol.asyncDispose](): Promise<void>;
}

interface Piece {
  readonly segment: SegmentLayout;
  readonly block: Block;
  /** Where the block's content starts in the take's. */
  readonly start: number;
  readonly size: number;
}

export class SegmentedTakeSource implements TakeSource {
  readonly size: number;
  readonly #context: ReviewContext;
  readonly #take: TakeLayout;
  readonly #segments: OpenSegments;
  readonly #cache: BlockCache;
  /** How many blocks a read may fetch beyond its end. */
  readonly #ahead: number;
  #isClosed = false;
  #sequentialFrom = -1;

  constructor(context: ReviewContext, take: TakeLayout, given?: TakeSourceOptions) {
    const options = readOptions<TakeSourceOptions>("options", given, TAKE_SOURCE);
    const { cacheBytes = DEFAULT_CACHE } = options;
    this.size = take.size;
    this.#context = context;
    this.#take = take;
    this.#segments = new OpenSegments(context);
    this.#cache = new BlockCache(cacheBytes);
    this.#ahead = Math.max(0, Math.min(BLOCKS_IN_FLIGHT, Math.floor(cacheBytes / BLOCK_CONTENT)) - 1);
    context.holder.signal.addEventListener("abort", this.#onClosing);
  }

  readonly #onClosing = (): void => {
    // What a source's own close throws has nobody to hear it here.
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
    const pending: { readonly piece: Piece; readonly content: Promise<Bytes> }[] = [];
    const fetchNext = (): void => {
      const { value: piece } = pieces.next();
      if (!piece || (piece.start >= end && aheadLeft-- <= 0)) return;
      const content = this.#block(piece, options);
      // A failure counts when its turn comes, and that of what is only fetched ahead does not count at all.
      content.catch(() => {});
      if (piece.start < end) pending.push({ piece, content });
    };
    for (let i = 0; i < BLOCKS_IN_FLIGHT; i++) fetchNext();
    for (let next = pending.shift(); next; next = pending.shift()) {
      const { piece } = next;
      const content = await next.content;
      // Closing wipes what was cached.
      this.#checkOpen();
      const from = Math.max(0, start - piece.start);
      const part = content.subarray(from, Math.min(piece.size, end - piece.start));
      output.set(part, piece.start + from - start);
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
          // Up to a hole everything is given, and there it fails.
          const stepEnd = this.#holeIn(position, wholeStep) ?? wholeStep;
          if (position > start && this.#isHole(position)) throw brokenOff(position);
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
    this.#context.holder.signal.removeEventListener("abort", this.#onClosing);
    this.#cache.close(closedError("the source"));
    await this.#segments.close();
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    this.#context.holder.checkOpen();
    if (this.#isClosed) throw closedError("the source");
  }

  /** Where segments are missing inside `(start, end)`: what stands on both sides of it is never joined. */
  #holeIn(start: number, end: number): number | undefined {
    const { holes } = this.#take;
    const at = lowerBound(holes.length, (i) => holes[i]! > start);
    return at < holes.length && holes[at]! < end ? holes[at] : undefined;
  }

  #isHole(position: number): boolean {
    return this.#holeIn(position - 1, position + 1) !== undefined;
  }

  /** The blocks from content byte `start` on, to the take's end. */
  *#pieces(start: number): Generator<Piece, void, undefined> {
    const { segments } = this.#take;
    const first = lowerBound(segments.length, (i) => segments[i]!.start + segments[i]!.entry.content > start);
    for (let i = first; i < segments.length; i++) {
      const segment = segments[i]!;
      for (const block of blocksOf(segment.entry)) {
        const size = block.end - block.start;
        if (size > 0 && segment.start + block.end > start)
          yield { segment, block, start: segment.start + block.start, size };
      }
    }
  }

  async #block({ segment, block, size }: Piece, { signal }: ReadOptions): Promise<Bytes> {
    const task = this.#cache.get(`${segment.place}/${block.index}`, size, (taskSignal) =>
      this.#segments.use(segment, block, taskSignal, (reader) =>
        reader.readBlock(block, { signal: taskSignal }),
      ),
    );
    return task.wait(signal);
  }
}

function brokenOff(position: number) {
  return truncated("this part of the take, behind which segments are missing,", position);
}

/** The first of `length` places from which on `isBehind` holds. */
function lowerBound(length: number, isBehind: (place: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBehind(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

interface OpenSegment {
  readonly task: SharedTask<SegmentReader>;
  users: number;
}

/** A take's segments that are open, a few at a time: each may hold a file or a connection. */
class OpenSegments {
  readonly #context: ReviewContext;
  readonly #open = new Map<SegmentLayout, OpenSegment>();
  #isClosed = false;

  constructor(context: ReviewContext) {
    this.#context = context;
  }

  async use<T>(
    segment: SegmentLayout,
    wanted: Block,
    signal: AbortSignal,
    action: (reader: SegmentReader) => Promise<T>,
  ): Promise<T> {
    let open = this.#open.get(segment);
    if (!open || open.task.isAbandoned) {
      const { holder } = this.#context;
      // The keys are lent to the task itself: it may go on when nobody waits for it any more.
      const task = new SharedTask((taskSignal) =>
        holder.use(({ contentKey }) => this.#openSegment(segment, wanted, contentKey, taskSignal)),
      );
      open = { task, users: 0 };
    }
    // Behind the others: the first of the map is the one used longest ago.
    this.#open.delete(segment);
    this.#open.set(segment, open);
    open.users++;
    try {
      return await action(await this.#opened(segment, open, signal));
    } finally {
      open.users--;
      this.#trim();
      if (open.users === 0 && this.#open.get(segment) !== open) closeSegment(open).catch(() => {});
    }
  }

  async #opened(segment: SegmentLayout, open: OpenSegment, signal: AbortSignal): Promise<SegmentReader> {
    try {
      return await open.task.wait(signal);
    } catch (error) {
      // What could not be opened is tried anew by the next read.
      if (this.#open.get(segment) === open) this.#open.delete(segment);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const closing = [...this.#open.values()].map((open) => closeSegment(open));
    this.#open.clear();
    await Promise.all(closing);
  }

  async #openSegment(
    segment: SegmentLayout,
    wanted: Block,
    contentKey: Bytes,
    signal: AbortSignal,
  ): Promise<SegmentReader> {
    const { binding, store, nameOf } = this.#context;
    const { entry } = segment;
    const keyOf = keysFrom(binding, contentKey);
    const reader = await SegmentReader.open(binding, keyOf, store, nameOf(entry), entry, wanted, { signal });
    if (!this.#isClosed) return reader;
    await reader.close();
    throw closedError("the source");
  }

  #trim(): void {
    for (const [segment, open] of this.#open) {
      if (this.#open.size <= OPEN_SEGMENTS) return;
      if (open.users > 0) continue;
      this.#open.delete(segment);
      closeSegment(open).catch(() => {});
    }
  }
}

async function closeSegment({ task }: OpenSegment): Promise<void> {
  task.abort(closedError("the source"));
  const reader = await task.result.catch(() => undefined);
  await reader?.close();
}
