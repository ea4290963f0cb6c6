import { limitExceeded } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { type LossCause, MAX_TAKES } from "../log/entry.js";
import type { Padding } from "../stream/padding.js";
import type { Jobs } from "./jobs.js";
import type { NewEntry, TakeStart } from "./journal/entries.js";
import type { JournalRecord } from "./journal/records.js";
import type { JournalState, OpenSegment } from "./journal/state.js";
import { type SegmentContext, SegmentWriter, STORED, type Stored } from "./segment.js";
import { lazyTimeout } from "./timing.js";

/** Entries of a log that writing leaves to losses and ends. */
const LOG_RESERVE = 4096;

/** @throws BlindreelError `limit-exceeded` where the log is too full for another segment. */
export function checkLogRoom({ head, pending, tracks }: JournalState): void {
  const size = head.size + pending.size + 4 * tracks.length;
  if (size >= LIMITS.log - LOG_RESERVE)
    throw limitExceeded("the recording's log", LIMITS.log - LOG_RESERVE, size);
}

/** Reservation of the index behind `open`, for the same take. */
export function reserveNext({ track, take, index, takeTime: time, type }: OpenSegment): JournalRecord {
  return { kind: "reserve", track, take, index: index + 1, time, type };
}

/** The segments of one track, one after the other: reserves, fills and ends them. Called by the track's jobs. */
export class TrackSegments {
  readonly #context: SegmentContext;
  readonly #id: number;
  readonly #jobs: Jobs;
  readonly #padding: () => Padding | undefined;
  /** A recorder runs: the next index is reserved ahead, so that a crash does not pass for silence. */
  isLive = false;
  #current: SegmentWriter | undefined;
  #reserved: OpenSegment | undefined;
  #take: TakeStart | undefined;
  /** Whether the take has no segment yet. */
  #isNewTake = true;
  /** The latest time of a segment's content. */
  #latest = 0;
  #stopTimer: () => void = () => {};

  /** @param padding of the next segment. */
  constructor(context: SegmentContext, id: number, jobs: Jobs, padding: () => Padding | undefined) {
    this.#context = context;
    this.#id = id;
    this.#jobs = jobs;
    this.#padding = padding;
  }

  get isOpen(): boolean {
    return this.#current !== undefined;
  }

  /** Whether {@link push} would consume `length` bytes before it returns. */
  takesAtOnce(length: number): boolean {
    return this.#current?.fits(length) === true && !this.#context.outbox.isFull;
  }

  /** Take of the next push; undefined before the first. */
  get take(): TakeStart | undefined {
    return this.#take;
  }

  /** Take of later pushes. The segment of the one before has ended. */
  beginTake(take: TakeStart): void {
    this.#take = take;
    this.#isNewTake = true;
    // A clock of the source's own may have been ahead in the take before.
    this.#latest = 0;
  }

  /** Begins the track's first take, where none was asked for. */
  ensureTake(time: number): void {
    this.#take ??= { time, type: "" };
  }

  async push(piece: Bytes, time: number): Promise<Stored> {
    const { outbox } = this.#context;
    if (outbox.isFull) await outbox.room();
    this.#jobs.check();
    if (this.#current && !this.#current.fits(piece.length)) await this.end();
    this.#current ??= await this.#open();
    // Blobs are as old as their content, writes between them are not: times never fall within a take.
    this.#latest = Math.max(this.#latest, this.#current.open.takeTime, time);
    const pushed = await this.#current.push(piece, this.#latest);
    pushed.stored.catch((error) => this.#jobs.fail(error));
    return pushed;
  }

  /** Resolves when the open segment, if any, is in the journal. */
  async end(): Promise<Stored> {
    const segment = this.#current;
    if (!segment) return STORED;
    this.#stopTimer();
    let isReserved = false;
    await segment.finish(() => {
      isReserved = this.isLive;
      return isReserved ? [reserveNext(segment.open)] : [];
    });
    this.#current = undefined;
    this.#reserved = isReserved ? this.#context.journal.state.track(this.#id).open : undefined;
    return STORED;
  }

  destroy(error: unknown): void {
    this.#stopTimer();
    this.#current?.destroy(error);
  }

  /** To be called in a step of the journal. @returns undefined where no segment is open. */
  async cut(cause: LossCause, time: number): Promise<readonly NewEntry[] | undefined> {
    const { open } = this.#context.journal.state.track(this.#id);
    if (!this.#current || open?.index !== this.#current.open.index) return undefined;
    return this.#current.cut(cause, time);
  }

  async #open(): Promise<SegmentWriter> {
    const padding = this.#padding();
    const open = (this.#isNewTake ? undefined : this.#reserved) ?? (await this.#reserve());
    this.#reserved = undefined;
    this.#isNewTake = false;
    const segment = await SegmentWriter.open(this.#context, open, padding);
    try {
      this.#jobs.check();
    } catch (error) {
      segment.destroy(error);
      throw error;
    }
    const { segmentEvery } = this.#context.settings;
    this.#stopTimer = lazyTimeout(() => void this.#jobs.add(() => this.end()), segmentEvery);
    return segment;
  }

  async #reserve(): Promise<OpenSegment> {
    const { journal } = this.#context;
    const { state } = journal;
    checkLogRoom(state);
    await journal.write(() => {
      const { takes, nextIndex, open } = state.track(this.#id);
      const { time, type } = this.#take!;
      const take = this.#isNewTake && takes < MAX_TAKES ? takes : takes - 1;
      const index = open?.index ?? nextIndex;
      return { records: [{ kind: "reserve", track: this.#id, take, index, time, type }] };
    });
    return state.track(this.#id).open!;
  }
}
