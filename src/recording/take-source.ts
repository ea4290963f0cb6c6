import { closedError, outOfRange, truncated } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import { checkRange, type ReadOptions } from "../source/byte-source.js";
import { asyncDispose } from "../stream/operation.js";
import type { RandomAccess } from "../stream/random-access.js";
import { BlockCache } from "./block-cache.js";
import { BLOCK_CONTENT, blockOf, type SegmentLayout, type TakeLayout } from "./layout.js";
import { objectName } from "./object-name.js";
import { lookUp, type ObjectLookup } from "./objects.js";
import { type RecordingKeys, SegmentReader } from "./segment-reader.js";
import { SharedTask } from "./shared-task.js";

export interface TakeSourceOptions {
  /** Bytes of opened content to keep; 8 MiB where nothing is said. Each read may hold 3 MiB more. */
  readonly cacheBytes?: number;
}

const DEFAULT_CACHE = 8 * 2 ** 20;
/** Blocks of one read, or ahead of it, that are on their way at the same time. */
const BLOCKS_IN_FLIGHT = 3;
/** How much one step of a stream reads. */
const STREAM_STEP = 256 * 1024;
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
  readonly segmentIndex: number;
  readonly block: number;
  /** Where the block's content starts in the take's. */
  readonly start: number;
  readonly size: number;
}

export class SegmentedTakeSource implements TakeSource {
  readonly size: number;
  readonly #keys: () => RecordingKeys;
  readonly #take: TakeLayout;
  readonly #segments: OpenSegments;
  readonly #cache: BlockCache;
  /** How many blocks a read may fetch beyond its end. */
  readonly #ahead: number;
  #isClosed = false;
  #sequentialFrom = -1;

  constructor(
    keys: () => RecordingKeys,
    take: TakeLayout,
    objects: ObjectLookup,
    { cacheBytes = DEFAULT_CACHE }: TakeSourceOptions = {},
  ) {
    if (!Number.isSafeInteger(cacheBytes) || cacheBytes < 0)
      throw outOfRange("cacheBytes", "an integer of 0 or more", String(cacheBytes));
    this.size = take.size;
    this.#keys = keys;
    this.#take = take;
    this.#segments = new OpenSegments(keys, objects);
    this.#cache = new BlockCache(cacheBytes);
    this.#ahead = Math.max(0, Math.min(BLOCKS_IN_FLIGHT, Math.floor(cacheBytes / BLOCK_CONTENT)) - 1);
  }

  async read(start: number, end: number, options: ReadOptions = {}): Promise<Bytes> {
    this.#checkOpen();
    checkRange(start, end, this.size);
    options.signal?.throwIfAborted();
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

  stream(start = 0, end = this.size, options: ReadOptions = {}): ReadableStream<Bytes> {
    this.#checkOpen();
    checkRange(start, end, this.size);
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    let position = start;
    return new ReadableStream<Bytes>({
      pull: async (controller) => {
        if (position < end) {
          const stepEnd = Math.min(end, position + STREAM_STEP);
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
    this.#cache.close(closedError("the source"));
    await this.#segments.close();
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedError("the source");
    this.#keys();
  }

  /** The blocks from content byte `start` on, to the take's end. */
  *#pieces(start: number): Generator<Piece, void, undefined> {
    const { segments } = this.#take;
    for (let segmentIndex = segmentAt(segments, start); segmentIndex < segments.length; segmentIndex++) {
      const segment = segments[segmentIndex]!;
      const first = Math.max(0, Math.floor((start - segment.start) / BLOCK_CONTENT));
      for (let block = first; block * BLOCK_CONTENT < segment.size; block++) {
        const { size } = blockOf(segment.entry, block);
        yield { segment, segmentIndex, block, start: segment.start + block * BLOCK_CONTENT, size };
      }
    }
  }

  async #block({ segment, segmentIndex, block, size }: Piece, { signal }: ReadOptions): Promise<Bytes> {
    const task = this.#cache.get(`${segmentIndex}/${block}`, size, (taskSignal) =>
      this.#segments.use(segment, taskSignal, (reader) => reader.readBlock(block, { signal: taskSignal })),
    );
    return task.wait(signal);
  }
}

/** The segment that holds content byte `position`, by bisection. */
function segmentAt(segments: readonly SegmentLayout[], position: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { start, size } = segments[middle]!;
    if (start + size <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface OpenSegment {
  readonly task: SharedTask<SegmentReader>;
  users: number;
}

/** A take's segments that are open, a few at a time: each may hold a file or a connection. */
class OpenSegments {
  readonly #keys: () => RecordingKeys;
  readonly #objects: ObjectLookup;
  readonly #open = new Map<SegmentLayout, OpenSegment>();
  #isClosed = false;

  constructor(keys: () => RecordingKeys, objects: ObjectLookup) {
    this.#keys = keys;
    this.#objects = objects;
  }

  async use<T>(
    segment: SegmentLayout,
    signal: AbortSignal,
    action: (reader: SegmentReader) => Promise<T>,
  ): Promise<T> {
    let open = this.#open.get(segment);
    if (!open || open.task.isAbandoned) {
      open = { task: new SharedTask((taskSignal) => this.#openSegment(segment, taskSignal)), users: 0 };
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

  async #openSegment({ entry }: SegmentLayout, signal: AbortSignal): Promise<SegmentReader> {
    const keys = this.#keys();
    const name = objectName(encodeHex(keys.recordingId), entry.track, entry.index);
    const source = await lookUp(this.#objects, name, { signal });
    if (!source) throw truncated(`the object ${name}, which is not there,`, 0);
    try {
      const reader = await SegmentReader.open(keys, source, name, entry, { signal });
      if (this.#isClosed) throw closedError("the source");
      return reader;
    } catch (error) {
      await source.close?.();
      throw error;
    }
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
