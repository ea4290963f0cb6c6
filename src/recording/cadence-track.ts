import { closedError, outOfRange } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { LossCause } from "../log/entry.js";
import { sourceFailed } from "../source/byte-source.js";
import { CHUNK } from "../stream/geometry.js";
import { ByteQueue } from "./byte-queue.js";
import { sizeOf, type TrackInput, TrackInputs } from "./input.js";
import { Jobs } from "./jobs.js";
import { type NewEntry, undrainedEntries } from "./journal/entries.js";
import type { OpenSegment, TrackState } from "./journal/state.js";
import { SegmentWriter, STORED, type Stored } from "./segment.js";
import { Change, keepAlive, lazyTimeout, quiet } from "./timing.js";
import type { TrackContext } from "./track.js";
import { checkLogRoom, reserveNext } from "./track-segments.js";

/** Content of a segment of one padded chunk: a chunk that must not be full, without its length field. */
const TICK_BYTES = CHUNK - 1 - 8;

/**
 * A track whose times and sizes are independent of its input: one segment of one chunk per tick, with or without input. Input
 * that does not fit waits for the next tick.
 */
export class CadenceTrack {
  readonly id: number;
  readonly name: string;
  readonly #context: TrackContext;
  readonly #every: number;
  readonly #inputs = new TrackInputs();
  /** Reads inputs one after the other, in the order of the calls. */
  readonly #jobs: Jobs;
  readonly #ready: Promise<void>;
  readonly #queue = new ByteQueue();
  readonly #change = new Change();
  /** Bytes read, and bytes sealed. */
  #taken = 0;
  #sealed = 0;
  #sealedTicks = 0;
  #open: OpenSegment | undefined;
  #ticks = 0;
  #isSealing = false;
  #isClosed = false;
  #stopTimer: () => void = () => {};

  /** @param every milliseconds. */
  constructor(context: TrackContext, { id, name }: Pick<TrackState, "id" | "name">, every: number) {
    this.#context = context;
    this.id = id;
    this.name = name;
    this.#every = every;
    this.#jobs = new Jobs((error) => context.life.fail(error));
    this.#ready = this.#start();
    this.#ready.catch((error) => this.#jobs.fail(error));
  }

  /** Resolves when the index of its tick is reserved: a crash does not pass for silence then. */
  write(input: TrackInput): Promise<void> {
    this.#checkUsable();
    const data = this.#inputs.read(input);
    const size = sizeOf(data);
    const { intake } = this.#context;
    intake.check(size);
    intake.add(size);
    const own = data instanceof Uint8Array && typeof input !== "string" ? data.slice() : data;
    return this.#jobs.add(() => this.#take(own)).then(() => this.#ready);
  }

  startTake(): void {
    throw outOfRange("track", "without a cadence: one with a cadence is a single take", this.name);
  }

  /** Waits for the ticks of all input so far. */
  async flush(): Promise<void> {
    await this.#jobs.add(() => STORED);
    const target = this.#taken;
    await this.#until(() => this.#sealed >= target);
    this.#jobs.check();
  }

  /** Waits for a tick in any case: the time of the end must not depend on input since the last one. */
  async drain(): Promise<void> {
    this.#isClosed = true;
    await this.#ready;
    const ticks = this.#sealedTicks;
    await this.flush();
    await this.#until(() => this.#sealedTicks > ticks);
    this.#stopTimer();
    await this.#until(() => !this.#isSealing);
  }

  get hasMore(): boolean {
    return this.#jobs.length > 0 || this.#sealed < this.#taken;
  }

  destroy(error: unknown): void {
    this.#isClosed = true;
    this.#jobs.giveUp(error);
    this.#stopTimer();
    this.#queue.wipe();
    this.#change.notify();
  }

  async remains(state: TrackState, cause: LossCause, isLate: boolean): Promise<NewEntry[]> {
    if (isLate) return this.#loss(state, cause);
    return this.#inputs.hasHalf ? this.#loss(state, LossCause.source) : [];
  }

  #checkUsable(): void {
    this.#jobs.check();
    if (this.#isClosed) throw closedError(`the track "${this.name}"`);
  }

  /** Waits for a condition of the ticks; until the track is given up. */
  async #until(isMet: () => boolean): Promise<void> {
    const release = keepAlive();
    while (!this.#jobs.isGivenUp && !isMet()) await this.#change.next();
    release();
  }

  async #take(data: Blob | Bytes): Promise<Stored> {
    let bytes: Bytes;
    try {
      bytes = data instanceof Uint8Array ? data : new Uint8Array(await data.arrayBuffer());
    } catch (cause) {
      const { intake, journal } = this.#context;
      intake.remove(sizeOf(data));
      await this.#ready;
      await journal.write(() => ({ entries: this.#loss(journal.state.track(this.id), LossCause.source) }));
      return { stored: quiet(Promise.reject(sourceFailed("a Blob could not be read", { cause }))) };
    }
    if (!this.#jobs.isGivenUp) {
      this.#queue.push(bytes);
      this.#taken += bytes.length;
    }
    wipe(bytes);
    return STORED;
  }

  /** Entries where something of the track is missing. */
  #loss(state: TrackState, cause: LossCause): NewEntry[] {
    const time = this.#context.time();
    return undrainedEntries(state, cause, time, { time, type: "" });
  }

  async #start(): Promise<void> {
    const { journal, time } = this.#context;
    const { state } = journal;
    const takeTime = time();
    await journal.write(() => {
      const { takes: take, open, nextIndex } = state.track(this.id);
      const index = open?.index ?? nextIndex;
      return { records: [{ kind: "reserve", track: this.id, take, index, time: takeTime, type: "" }] };
    });
    this.#open = state.track(this.id).open;
    this.#schedule(performance.now());
  }

  /** Ticks are counted from the start, so that work between them does not shift them; missed ones are skipped. */
  #schedule(origin: number): void {
    if (this.#jobs.isGivenUp) return;
    this.#ticks = Math.max(this.#ticks + 1, Math.ceil((performance.now() - origin) / this.#every));
    const due = origin + this.#ticks * this.#every - performance.now();
    this.#stopTimer = lazyTimeout(() => {
      this.#tick().catch((error) => this.#jobs.fail(error));
      this.#schedule(origin);
    }, due);
  }

  async #tick(): Promise<void> {
    const open = this.#open;
    if (this.#isSealing || !open || this.#jobs.isGivenUp) return;
    this.#isSealing = true;
    try {
      const { intake, journal, time } = this.#context;
      checkLogRoom(journal.state);
      const length = Math.min(TICK_BYTES, this.#queue.length);
      const content = new Uint8Array(length);
      this.#queue.takeInto(content);
      const segment = await SegmentWriter.open(this.#context, open, "chunk");
      await segment.push(content, time());
      wipe(content);
      await segment.finish(() => [reserveNext(open)]);
      this.#open = journal.state.track(this.id).open;
      this.#sealed += length;
      this.#sealedTicks++;
      intake.remove(length);
    } finally {
      this.#isSealing = false;
      this.#change.notify();
    }
  }
}
