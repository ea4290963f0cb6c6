import { BlindreelError, closedError, outOfRange } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { Loss, LossCause } from "../log/entry.js";
import { sourceFailed } from "../source/byte-source.js";
import { CHUNK } from "../stream/geometry.js";
import { ByteQueue } from "./byte-queue.js";
import { type TrackInput, TrackInputs } from "./input.js";
import type { JournalRecord } from "./journal/records.js";
import type { OpenSegment, TrackState } from "./journal/state.js";
import { emptyTakeRecords, lossRecord } from "./journal/steps.js";
import { openSegmentWriter } from "./segment.js";
import { Change, keepAlive, lazyTimeout } from "./timing.js";
import type { TrackHost } from "./track-host.js";

/** Content of a segment of one padded chunk: what is left beside its length field, in a chunk that must not be full. */
const TICK_BYTES = CHUNK - 1 - 8;

/**
 * A track whose times and sizes say nothing: one segment of one chunk every so many milliseconds, whether or not something
 * was written. What does not fit waits for the next tick.
 */
export class CadenceTrack {
  readonly id: number;
  readonly name: string;
  readonly isLive = false;
  readonly #host: TrackHost;
  readonly #every: number;
  readonly #inputs = new TrackInputs();
  readonly #change = new Change();
  readonly #ready: Promise<void>;
  readonly #queue = new ByteQueue();
  /** Blobs are read one after the other: what is written stays in order. */
  #reading: Promise<unknown> = Promise.resolve();
  #unread = 0;
  #taken = 0;
  #sealed = 0;
  #sealedTicks = 0;
  #open: OpenSegment | undefined;
  #ticks = 0;
  #isSealing = false;
  #isClosed = false;
  #failure: { readonly error: unknown } | undefined;
  #stopTimer: () => void = () => {};

  /** @param every milliseconds. */
  constructor(host: TrackHost, { id, name }: Pick<TrackState, "id" | "name">, every: number) {
    this.#host = host;
    this.id = id;
    this.name = name;
    this.#every = every;
    this.#ready = this.#start();
    this.#ready.catch((error) => this.#fail(error));
  }

  /** Resolves once a crash could not pass for silence: when its tick has an index that is spent. */
  write(input: TrackInput, _options: { readonly startsSegment?: boolean } = {}): Promise<void> {
    this.#checkUsable();
    const data = this.#inputs.read(input);
    const size = data instanceof Uint8Array ? data.length : data.size;
    const { queuedBytes, maxQueued } = this.#host;
    if (queuedBytes > 0 && queuedBytes + size > maxQueued) {
      throw new BlindreelError("queue-full", `${queuedBytes} bytes wait for their ticks`, {
        limit: maxQueued,
      });
    }
    this.#host.queuedBytes += size;
    this.#unread++;
    // Ours from now on: text is, bytes are copied.
    const own = data instanceof Uint8Array && typeof input !== "string" ? data.slice() : data;
    const taken = this.#reading.then(() => this.#take(own));
    this.#reading = taken.catch(() => {});
    return taken.then(() => this.#ready);
  }

  startTake(): void {
    throw outOfRange("track", "without a cadence: one with a cadence is a single take", this.name);
  }

  /** Waits for the ticks that what was written needs. */
  async flush(): Promise<void> {
    await this.#reading;
    const target = this.#taken;
    const release = keepAlive();
    while (!this.#failure && this.#sealed < target) await this.#change.next();
    release();
    if (this.#failure) throw this.#failure.error;
  }

  /** Waits for a tick in any case: how long the end takes says nothing of what was written since the last one. */
  async drain(): Promise<void> {
    this.#isClosed = true;
    await this.#ready;
    const sealed = this.#sealedTicks;
    await this.flush();
    const release = keepAlive();
    while (!this.#failure && this.#sealedTicks === sealed) await this.#change.next();
    release();
    this.#stopTimer();
    while (!this.#failure && this.#isSealing) await this.#change.next();
  }

  get hasMore(): boolean {
    return this.#unread > 0 || this.#sealed < this.#taken;
  }

  destroy(error: unknown): void {
    this.#isClosed = true;
    this.#failure ??= { error };
    this.#stopTimer();
    this.#queue.wipe();
    this.#change.notify();
  }

  async remains(state: TrackState, cause: LossCause, isLate: boolean): Promise<JournalRecord[]> {
    if (isLate) return this.#loss(state, cause);
    return this.#inputs.hasHalf ? this.#loss(state, LossCause.source) : [];
  }

  async noteLoss(): Promise<void> {}

  async noteSilence(): Promise<void> {}

  /** As of a track without a cadence: what was given up already can fail no more. */
  #fail(error: unknown): void {
    if (!this.#failure) this.#host.fail(error);
  }

  #checkUsable(): void {
    if (this.#failure) throw this.#failure.error;
    if (this.#isClosed) throw closedError(`the track "${this.name}"`);
  }

  async #take(data: Blob | Bytes): Promise<void> {
    try {
      const bytes = data instanceof Uint8Array ? data : new Uint8Array(await data.arrayBuffer());
      if (!this.#failure) {
        this.#queue.push(bytes);
        this.#taken += bytes.length;
      }
      wipe(bytes);
    } catch (cause) {
      this.#host.queuedBytes -= (data as Blob).size;
      const { journal } = this.#host;
      await this.#ready;
      await journal.write(() => ({ records: this.#loss(journal.state.track(this.id), LossCause.source) }));
      this.#host.logged();
      throw sourceFailed("a Blob could not be read", { cause });
    } finally {
      this.#unread--;
    }
    if (this.#failure) throw this.#failure.error;
  }

  /** What the log says where something of the track is not there. */
  #loss(state: TrackState, cause: LossCause): JournalRecord[] {
    const { crypto, time } = this.#host;
    const now = time();
    const take = state.takes === 0 ? emptyTakeRecords(crypto, state, { time: now, type: "" }) : [];
    const loss = { what: Loss.undrained, cause, track: this.id, first: 0, count: 0, time: now };
    return [...take, lossRecord(crypto, loss)];
  }

  async #start(): Promise<void> {
    const { journal, time } = this.#host;
    const takeTime = time();
    await journal.write(() => {
      const { takes: take, open, nextIndex } = journal.state.track(this.id);
      const index = open?.index ?? nextIndex;
      return { records: [{ kind: "reserve", track: this.id, take, index, time: takeTime, type: "" }] };
    });
    this.#open = journal.state.track(this.id).open;
    this.#schedule(performance.now());
  }

  /** Ticks are counted from the start, so that work between them does not shift them; missed ones are skipped. */
  #schedule(origin: number): void {
    if (this.#failure) return;
    this.#ticks = Math.max(this.#ticks + 1, Math.ceil((performance.now() - origin) / this.#every));
    const due = origin + this.#ticks * this.#every - performance.now();
    this.#stopTimer = lazyTimeout(() => {
      this.#tick().catch((error) => this.#fail(error));
      this.#schedule(origin);
    }, due);
  }

  async #tick(): Promise<void> {
    const open = this.#open;
    if (this.#isSealing || !open || this.#failure) return;
    this.#isSealing = true;
    try {
      this.#host.checkLog();
      const content = this.#queue.take(TICK_BYTES);
      const { length } = content;
      const segment = await openSegmentWriter(this.#host, open, "chunk");
      await segment.push(content, this.#host.time());
      wipe(content);
      const { take, index, takeTime: time, type } = open;
      await segment.finish(() => [{ kind: "reserve", track: this.id, take, index: index + 1, time, type }]);
      this.#open = this.#host.journal.state.track(this.id).open;
      this.#sealed += length;
      this.#sealedTicks++;
      this.#host.queuedBytes -= length;
      this.#host.logged();
    } finally {
      this.#isSealing = false;
      this.#change.notify();
    }
  }
}
