import { BlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { withoutIndex } from "./content.js";
import type { BufferedSpan, GapMap } from "./gap-map.js";
import type { KeptSpan, MediaBuffer } from "./media-buffer.js";
import { causeOf, TakeReaders } from "./take-readers.js";
import type { TimedTake, TimedUnit, Timeline } from "./timeline.js";

/** Bytes of one read and append: a decoder begins with the first of them. */
const UNIT_PIECE = 256 * 1024;
/** Seconds ahead that a picture needs which is on its way: some decoders want a few frames more. */
const PICTURE = 1;
/** Milliseconds behind which one that has them, and is not there, gets more. */
const PICTURE_WAIT = 500;
/** Seconds by which ends of units and of buffered ranges may differ. */
const TOLERANCE = 0.1;

/** Seconds of the timeline that are kept in the buffer, before and behind the current time. */
export interface BufferBounds {
  readonly ahead: number;
  readonly behind: number;
}

/** What a filler is told of the element, and tells. */
export interface FillerContext {
  readonly timeline: Timeline;
  readonly gaps: GapMap;
  readonly buffer: MediaBuffer;
  readonly bounds: BufferBounds;
  /** Seconds: what is shown, or to be shown next. */
  place(): number;
  /** Whether the picture of that place is on its way: then nothing but what it needs is fetched. */
  isAwaited(): boolean;
  onChange(): void;
}

/** Fetches units from a place on, in order, and buffers them: not more ahead than is wanted. */
export class Filler {
  readonly #context: FillerContext;
  readonly #takes = new TakeReaders();
  /** The take that the buffer is in; undefined in the middle of a unit. */
  #entered: TimedTake | undefined;
  #status: "filling" | "waiting" | "ended" = "filling";
  #isRunning = false;
  #first = 0;
  #next = 0;

  constructor(context: FillerContext) {
    this.#context = context;
  }

  get status(): "filling" | "waiting" | "ended" {
    return this.#status;
  }

  /** Up to here, in seconds, everything from the beginning of the run on was buffered or cannot be. */
  get decided(): number {
    return this.#context.timeline.units[this.#next]?.time ?? Number.POSITIVE_INFINITY;
  }

  /** Whether the run comes to `time` next. */
  delivers(time: number): boolean {
    const { timeline } = this.#context;
    return this.#isRunning && timeline.before(time) <= this.#next && this.#next <= timeline.at(time);
  }

  /** Whether the run was at `time`. */
  covers(time: number): boolean {
    const { timeline } = this.#context;
    return timeline.before(time) >= this.#first && timeline.at(time) < this.#next;
  }

  /** Whether the run comes to `time` some time. */
  isBefore(time: number): boolean {
    const { timeline } = this.#context;
    return this.#isRunning && this.#first <= timeline.before(time) && this.#next <= timeline.at(time);
  }

  /** Asks for the beginning of a run at `time`, which may be before it can be buffered. */
  fetch(time: number, signal: AbortSignal): void {
    const { timeline, buffer } = this.#context;
    const unit = timeline.units[timeline.before(time)]!;
    if (buffer.isWanted && unit.take.isSupported)
      this.#takes.fetch(unit.take, unit.start, firstPieceEnd(unit), { signal });
  }

  /** Where the next run begins. */
  aim(time: number): void {
    this.#first = this.#context.timeline.before(time);
    this.#next = this.#first;
    this.#isRunning = true;
  }

  /**
   * Fills from `time` on until the end.
   *
   * @throws BlindreelError `unplayable`, `source-failed`, `source-changed`, `closed`; `signal.reason`.
   */
  async run(time: number, signal: AbortSignal): Promise<void> {
    const { timeline, gaps, buffer } = this.#context;
    const { units } = timeline;
    this.#entered = undefined;
    try {
      signal.throwIfAborted();
      this.#become("filling");
      await this.#forgetFar(time, signal);
      for (let n = this.#first; n < units.length; n++) {
        await this.#untilWanted(signal);
        if (gaps.isEmpty(units[n]!) || isBuffered(this.#context, units[n]!)) this.#entered = undefined;
        else await this.#fill(n, signal);
        await this.#forgetBehind();
        signal.throwIfAborted();
        this.#next = n + 1;
        this.#context.onChange();
      }
      if (gaps.isAllEmpty) throw nothingToPlay();
      await buffer.end();
      signal.throwIfAborted();
      this.#become("ended");
    } finally {
      // A run that was ended has a follower.
      if (!signal.aborted) this.#isRunning = false;
    }
  }

  close(): Promise<void> {
    return this.#takes.close();
  }

  #become(status: "filling" | "waiting" | "ended"): void {
    this.#status = status;
    this.#context.onChange();
  }

  /** Removes what was buffered for other places. */
  async #forgetFar(time: number, signal: AbortSignal): Promise<void> {
    const { buffer, bounds } = this.#context;
    signal.throwIfAborted();
    if (buffer.ranges.length === 0) return;
    await buffer.reset();
    await buffer.remove(0, this.#keyBefore(time - bounds.behind));
    await buffer.remove(time + bounds.ahead, Number.POSITIVE_INFINITY);
    signal.throwIfAborted();
  }

  async #forgetBehind(): Promise<void> {
    const { buffer, bounds } = this.#context;
    const oldest = buffer.ranges[0]?.start ?? Number.POSITIVE_INFINITY;
    const { from } = this.#keep();
    // A few seconds at a time.
    if (oldest < from - TOLERANCE - bounds.behind / 2) await buffer.remove(0, from);
  }

  #keep(): KeptSpan {
    const { ahead, behind } = this.#context.bounds;
    const place = this.#context.place();
    return { from: this.#keyBefore(place - behind), to: place + ahead };
  }

  /** Removing up to a time takes frames up to the next key frame along: so it has to be one's. */
  #keyBefore(time: number): number {
    const { timeline } = this.#context;
    return Math.max(0, Math.min(timeline.units[timeline.before(time)]!.time, time));
  }

  async #untilWanted(signal: AbortSignal): Promise<void> {
    const { buffer, bounds } = this.#context;
    const patient = performance.now() + PICTURE_WAIT;
    const wanted = (): number =>
      this.#context.isAwaited() && performance.now() < patient ? PICTURE : bounds.ahead;
    while (!buffer.isWanted || this.#bufferedAhead() >= wanted()) {
      this.#become("waiting");
      await buffer.change(signal);
    }
    signal.throwIfAborted();
    if (this.#status === "waiting") this.#become("filling");
  }

  /** Seconds of content to come that are buffered, and behind which nothing was left out. */
  #bufferedAhead(): number {
    const place = this.#context.place();
    const { decided } = this;
    let sum = 0;
    for (const { start, end } of this.#context.buffer.ranges)
      sum += Math.max(0, Math.min(end, decided) - Math.max(start, place));
    return sum;
  }

  /** Buffers a unit, or notes why it has no content. */
  async #fill(n: number, signal: AbortSignal): Promise<void> {
    const { timeline, gaps, onChange } = this.#context;
    const unit = timeline.units[n]!;
    const { take } = unit;
    if (!take.isSupported) return gaps.noteFault(unit, "unsupported");
    try {
      const reader = await this.#takes.open(take);
      const end = firstPieceEnd(unit);
      const [init, piece] = await this.#takes.begin(take, unit.start, end, { signal });
      if (!take.index && !beginsUnit(piece)) throw withoutIndex(take.number);
      await this.#enter(take, init);
      await this.#append(piece, signal);
      for (let at = end; at < unit.stop; at += UNIT_PIECE) {
        const next = await reader.read(at, Math.min(at + UNIT_PIECE, unit.stop), { signal });
        await this.#append(next, signal);
        onChange();
      }
      this.#entered = take;
      gaps.noteContent(unit, bufferedOf(this.#context, n));
    } catch (error) {
      signal.throwIfAborted();
      const cause = causeOf(error);
      if (!cause) throw error;
      gaps.noteFault(unit, cause);
    }
  }

  async #enter(take: TimedTake, init: Bytes): Promise<void> {
    const { mediaType, offset } = take;
    if (this.#entered !== take) await this.#context.buffer.begin({ mediaType, offset, init });
    this.#entered = undefined;
  }

  async #append(piece: Bytes, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { buffer } = this.#context;
    while (!(await buffer.append(piece, this.#keep()))) {
      // The browser's room is full of what is yet to be shown.
      this.#become("waiting");
      await buffer.change(signal);
    }
    if (this.#status === "waiting") this.#become("filling");
    signal.throwIfAborted();
  }
}

const firstPieceEnd = ({ start, stop }: TimedUnit): number => Math.min(start + UNIT_PIECE, stop);

function isBuffered({ gaps, buffer }: FillerContext, unit: TimedUnit): boolean {
  const known = gaps.contentOf(unit);
  if (!known) return false;
  return buffer.ranges.some(({ start, end }) => start <= known.start + TOLERANCE && end >= known.end - 0.01);
}

/** What the browser buffered of a unit. */
function bufferedOf({ timeline, buffer }: FillerContext, n: number): BufferedSpan | undefined {
  const { time } = timeline.units[n]!;
  const next = timeline.units[n + 1]?.time ?? Number.POSITIVE_INFINITY;
  const range = buffer.ranges.find(({ start, end }) => end > time + 0.01 && start < next);
  return range && { start: Math.max(range.start, time), end: range.end };
}

function nothingToPlay(): BlindreelError<"unplayable"> {
  const message = "nothing of this track is stored and authentic";
  return new BlindreelError("unplayable", message, { reason: "empty" });
}

/** A WebM cluster, or an MP4 fragment with the boxes that may stand before it. */
function beginsUnit(bytes: Bytes): boolean {
  const isCluster = [0x1f, 0x43, 0xb6, 0x75].every((byte, n) => bytes[n] === byte);
  const box = String.fromCharCode(...bytes.subarray(4, 8));
  return isCluster || ["moof", "styp", "sidx", "emsg", "prft"].includes(box);
}
