import { BlindreelError, closedError, wrongType } from "../errors.js";
import { type Bytes, bytesArgument, utf8 } from "../formats/bytes.js";
import { CHUNK, MAX_CHUNKS } from "../stream/geometry.js";
import type { JournalRecord } from "./journal-record.js";
import type { TrackState } from "./journal-state.js";
import type { MediaPoint } from "./manifest.js";
import { type SegmentContext, SegmentWriter } from "./segment-writer.js";

/** What may be written to a track. Text is stored as UTF-8. */
export type TrackInput = Blob | Uint8Array | string;

/** What a recording's tracks have in common. */
export interface TrackHost extends SegmentContext {
  readonly now: () => Date;
  /** Milliseconds that bytes may wait for their chunk to fill. */
  readonly flushAfter: number;
  readonly maxQueued: number;
  /** Most chunks of a segment, its last included. */
  readonly maxChunks: number;
  /** Bytes of all tracks that were written and are not sealed and journalled. */
  queuedBytes: number;
  /** Whether ciphertext may be made now. */
  hasRoom(): boolean;
  /** Waits until it may. */
  room(): Promise<void>;
  /** Ends the recording. */
  fail(error: unknown): void;
}

interface NewTake {
  startedAt: number;
  readonly type: string;
}

type Job =
  | { readonly kind: "data"; readonly data: Blob | Bytes; readonly time: number; readonly size: number }
  | { readonly kind: "take"; readonly take: NewTake }
  | { readonly kind: "flush" };
type QueuedJob = Job & { readonly resolve: () => void; readonly reject: (error: unknown) => void };

/** Sealed and hashed in one go: on asynchronous backends its chunks are all in flight. */
const PIECE = 16 * CHUNK;
/** A Blob up to this size is read at once: that is faster than a stream. */
const SMALL_BLOB = 2 ** 20;
/** The media index has at most one point in so many milliseconds, and one in so many bytes. */
const POINT_INTERVAL = 2000;
const POINT_BYTES = 64 * 1024;

/** Writes one track, job by job, in the order of the calls. */
export class TrackWriter {
  readonly state: Pick<TrackState, "id" | "name">;
  #nextIndex: number;
  readonly #host: TrackHost;
  readonly #jobs: QueuedJob[] = [];
  #isRunning = false;
  #isClosed = false;
  #failure: { readonly error: unknown } | undefined;
  #segment: SegmentWriter | undefined;
  /** The take that the next segment begins; undefined where the last one goes on. */
  #newTake: NewTake | undefined;
  #take: NewTake | undefined;
  #takeBytes = 0;
  #lastPoint: MediaPoint | undefined;
  #stagedSince = 0;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: TrackHost, { id, name, nextIndex }: Pick<TrackState, "id" | "name" | "nextIndex">) {
    this.#host = host;
    this.state = { id, name };
    this.#nextIndex = nextIndex;
  }

  /** Copies or consumes `input` before it returns. @param time milliseconds since the take's start, if known. */
  write(
    input: TrackInput,
    { time, isBounded = true }: { time?: number; isBounded?: boolean } = {},
  ): Promise<void> {
    this.#checkUsable();
    const data = inputData(input);
    const size = data instanceof Uint8Array ? data.length : data.size;
    const { queuedBytes, maxQueued } = this.#host;
    if (isBounded && queuedBytes > 0 && queuedBytes + size > maxQueued) {
      const message = `${queuedBytes} bytes wait to be sealed and stored; with ${size} more they exceed ${maxQueued}`;
      throw new BlindreelError("queue-full", message, { limit: maxQueued });
    }
    if (size === 0) return Promise.resolve();
    const now = this.#host.now().getTime();
    this.#take ??= this.#beginTake({ startedAt: now, type: "" });
    this.#host.queuedBytes += size;
    // Bytes that are sealed before this returns need no copy.
    const own = data instanceof Uint8Array && !this.#takesAtOnce(data) ? data.slice() : data;
    const job = { kind: "data", data: own, size, time: time ?? now - this.#take.startedAt } as const;
    return this.#enqueue(job).finally(() => {
      this.#host.queuedBytes -= size;
    });
  }

  /** What is written from now on plays apart from what was written before. */
  startTake(take: NewTake): void {
    this.#checkUsable();
    this.#beginTake(take);
  }

  /** Seals all that was written, and ends the segment. */
  flush(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure.error);
    return this.#enqueue({ kind: "flush" });
  }

  /** Takes no more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Gives up what is not sealed, and wipes it. */
  destroy(error: unknown): void {
    this.#isClosed = true;
    this.#failure ??= { error };
    clearTimeout(this.#flushTimer);
    this.#segment?.destroy(error);
    for (const { reject } of this.#jobs.splice(0)) reject(error);
  }

  #checkUsable(): void {
    if (this.#failure) throw this.#failure.error;
    if (this.#isClosed) throw closedError(`the track "${this.state.name}"`);
  }

  #beginTake(take: NewTake): NewTake {
    this.#take = take;
    this.#enqueue({ kind: "take", take }).catch(() => {});
    return take;
  }

  #enqueue(job: Job): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#jobs.push({ ...job, resolve, reject }));
    done.catch(() => {});
    if (!this.#isRunning) this.#run();
    return done;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let job = this.#jobs[0]; job; job = this.#jobs[0]) {
      try {
        const { stored } = await this.#do(job);
        // Not waited for: the next piece is sealed while the journal writes this one.
        stored.then(() => job.resolve(), job.reject);
      } catch (error) {
        job.reject(error);
        this.#host.fail(error);
        break;
      }
      this.#jobs.shift();
    }
    this.#isRunning = false;
  }

  async #do(job: Job): Promise<{ readonly stored: Promise<unknown> }> {
    if (job.kind !== "data") {
      await this.#endSegment();
      if (job.kind === "take") {
        this.#newTake = job.take;
        this.#takeBytes = 0;
        this.#lastPoint = undefined;
      }
      return { stored: Promise.resolve() };
    }
    const stored: Promise<unknown>[] = [];
    let point = this.#pointAt(job.time);
    const { data } = job;
    if (data instanceof Uint8Array && data.length <= PIECE) {
      const pushed = await this.#push(data, point);
      this.#watchStaged();
      return pushed;
    }
    for await (const piece of piecesOf(data)) {
      stored.push((await this.#push(piece, point)).stored);
      point = undefined;
    }
    this.#watchStaged();
    return { stored: Promise.all(stored) };
  }

  async #push(piece: Bytes, point: MediaPoint | undefined): Promise<{ readonly stored: Promise<unknown> }> {
    if (!this.#host.hasRoom()) await this.#host.room();
    if (this.#segment && !this.#fits(piece)) await this.#endSegment();
    this.#segment ??= await this.#openSegment();
    const before = this.#segment.chunks;
    const { stored } = await this.#segment.push(piece, point);
    stored.catch((error) => this.#host.fail(error));
    if (this.#segment.chunks > before || this.#stagedSince === 0) this.#stagedSince = performance.now();
    this.#takeBytes += piece.length;
    return { stored };
  }

  /** Whether the open segment has chunks left for `piece` and a last one. */
  #fits(piece: Bytes): boolean {
    return this.#segment!.chunks + Math.ceil(piece.length / CHUNK) + 1 < this.#host.maxChunks;
  }

  /** Whether nothing has to be waited for before `piece` is sealed: {@link SegmentWriter.push} consumes it at once. */
  #takesAtOnce(piece: Bytes): boolean {
    const isIdle = !this.#isRunning && this.#jobs.length === 0 && this.#segment !== undefined;
    return isIdle && piece.length <= PIECE && this.#fits(piece) && this.#host.hasRoom();
  }

  async #openSegment(): Promise<SegmentWriter> {
    const { journal } = this.#host;
    const { id } = this.state;
    const index = this.#nextIndex++;
    const facts: JournalRecord[] = [{ kind: "reserve", track: id, index }];
    if (this.#newTake) facts.unshift({ kind: "take", track: id, firstIndex: index, ...this.#newTake });
    this.#newTake = undefined;
    await journal.write(...facts);
    const segment = await SegmentWriter.open(this.#host, journal.state.segment({ track: id, index }));
    if (this.#failure) {
      segment.destroy(this.#failure.error);
      throw this.#failure.error;
    }
    return segment;
  }

  async #endSegment(): Promise<void> {
    const segment = this.#segment;
    this.#segment = undefined;
    this.#stagedSince = 0;
    await segment?.finish();
  }

  #pointAt(time: number): MediaPoint | undefined {
    const point = { time: Math.max(0, Math.floor(time)), byte: this.#takeBytes };
    const last = this.#lastPoint;
    const isFar =
      !last || (point.time - last.time >= POINT_INTERVAL && point.byte - last.byte >= POINT_BYTES);
    if (!isFar || point.time >= 2 ** 32) return undefined;
    this.#lastPoint = point;
    return point;
  }

  /** Small tracks never fill a chunk: what waits too long ends its segment. */
  #watchStaged(): void {
    if (this.#flushTimer !== undefined) return;
    const check = (): void => {
      this.#flushTimer = undefined;
      if (!this.#segment || this.#segment.stagedBytes === 0 || this.#isClosed) return;
      const left = this.#stagedSince + this.#host.flushAfter - performance.now();
      if (left > 0) this.#flushTimer = lazyTimeout(check, left);
      else this.flush().catch(() => {});
    };
    this.#flushTimer = lazyTimeout(check, this.#host.flushAfter);
  }
}

/** A timer that does not keep a process alive. */
export function lazyTimeout(action: () => void, delay: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(action, delay);
  (timer as { unref?: () => void }).unref?.();
  return timer;
}

function inputData(input: TrackInput): Blob | Bytes {
  if (typeof input === "string") return utf8(input);
  if (typeof Blob !== "undefined" && input instanceof Blob) return input;
  if (input instanceof Uint8Array) return bytesArgument("data", input);
  throw wrongType("data", "a Blob, a Uint8Array or a string", input);
}

async function* piecesOf(data: Blob | Bytes): AsyncGenerator<Bytes, void, undefined> {
  if (data instanceof Uint8Array) return yield* cut(data);
  if (data.size <= SMALL_BLOB) return yield* cut(new Uint8Array(await data.arrayBuffer()));
  for (let offset = 0; offset < data.size; offset += SMALL_BLOB) {
    yield* cut(new Uint8Array(await data.slice(offset, offset + SMALL_BLOB).arrayBuffer()));
  }
}

function* cut(bytes: Bytes): Generator<Bytes, void, undefined> {
  for (let offset = 0; offset < bytes.length; offset += PIECE) yield bytes.subarray(offset, offset + PIECE);
}

/** What the format allows. */
export const MOST_CHUNKS: number = MAX_CHUNKS;
