import { BlindreelError, closedError, limitExceeded } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { Loss, LossCause, MAX_TAKES } from "../log/entry.js";
import { sourceFailed } from "../source/byte-source.js";
import type { Padding } from "../stream/padding.js";
import { PIECE, piecesOf, type TrackInput, TrackInputs, UnreadableBlob } from "./input.js";
import type { JournalRecord } from "./journal/records.js";
import type { OpenSegment, TrackState } from "./journal/state.js";
import { emptyTakeRecords, lossRecord } from "./journal/steps.js";
import { Queue } from "./queue.js";
import { openSegmentWriter, type SegmentWriter } from "./segment.js";
import { lazyTimeout } from "./timing.js";
import type { NewTake, TrackHost, WriteOptions } from "./track-host.js";
import { DONE, type Done, type Job, type JobWork, rejected } from "./track-jobs.js";

/** Takes of a track that can be asked for: the rest is for losses and crashes, behind which one begins by itself. */
const MOST_TAKES = MAX_TAKES - 1024;

/**
 * Writes one track, job by job, in the order of the calls. Whatever happens, every promise it gave settles, and what it
 * took and could not seal is said in the log.
 */
export class TrackWriter {
  readonly id: number;
  readonly name: string;
  readonly #host: TrackHost;
  /** As asked for; undefined where it goes by what is written. */
  readonly #padding: Padding | "none" | undefined;
  #hasText = false;
  readonly #jobs = new Queue<Job>();
  #isRunning = false;
  #isClosed = false;
  #failure: { readonly error: unknown } | undefined;
  #hadMore = false;
  #segment: SegmentWriter | undefined;
  /** Reserved ahead, so that a crash does not pass for silence. */
  #reserved: OpenSegment | undefined;
  /** A recorder runs: more is expected. */
  isLive = false;
  #take: NewTake | undefined;
  /** The take has no segment yet. */
  #isNewTake = true;
  /** Takes that were asked for and did not begin. */
  #queuedTakes = 0;
  /** The latest time that a segment was given. */
  #latest = 0;
  readonly #inputs = new TrackInputs();
  #stopTimer: (() => void) | undefined;

  constructor(
    host: TrackHost,
    { id, name }: Pick<TrackState, "id" | "name">,
    padding: Padding | "none" | undefined,
  ) {
    this.#host = host;
    this.id = id;
    this.name = name;
    this.#padding = padding;
  }

  /** Copies or consumes `input` before it returns; see {@link TrackHost.maxQueued}. */
  write(input: TrackInput, options: WriteOptions = {}): Promise<void> {
    this.#checkUsable();
    const data = this.#inputs.read(input);
    if (typeof input === "string" && !this.#hasText) {
      // From here on padded: what was begun unpadded ends.
      this.#hasText = true;
      if (this.#padding === undefined) this.#enqueue({ kind: "segment" });
    }
    const size = data instanceof Uint8Array ? data.length : data.size;
    const { queuedBytes, maxQueued } = this.#host;
    if (options.isBounded !== false && queuedBytes > 0 && queuedBytes + size > maxQueued) {
      const message = `${queuedBytes} bytes wait to be sealed and stored; with ${size} more they exceed ${maxQueued}`;
      throw new BlindreelError("queue-full", message, { limit: maxQueued });
    }
    if (size === 0) return Promise.resolve();
    const time = options.time ?? this.#host.time();
    this.#take ??= { time, type: "" };
    this.#host.queuedBytes += size;
    // Bytes that are sealed before this returns need no copy; those of text are ours.
    const isOurs = typeof input === "string";
    const isCopied = data instanceof Uint8Array && !isOurs && !this.#takesAtOnce(data, options);
    const { copy: own, done: wipeOwn } = isCopied
      ? this.#host.copies.of(data)
      : { copy: data, done: () => {} };
    const wiping = isOurs ? () => wipe(own as Bytes) : wipeOwn;
    return this.#enqueue({ kind: "data", data: own, size, time, options, wipe: wiping }).finally(() => {
      this.#host.queuedBytes -= size;
    });
  }

  /** What is written from now on plays apart from what was written before. */
  startTake(take: NewTake): void {
    this.#checkUsable();
    const takes = (this.#host.journal.state.tracks[this.id - 1]?.takes ?? 0) + this.#queuedTakes;
    if (takes >= MOST_TAKES) throw limitExceeded("the number of takes", MOST_TAKES, takes + 1);
    this.#queuedTakes++;
    // In its turn: what waits to be sealed is of the take before.
    this.#enqueue({ kind: "take", take });
  }

  /** Ends the segment. Resolves when all that was written is in the journal. */
  flush(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure.error);
    return this.#enqueue({ kind: "segment" });
  }

  /** Says in the log that a take's source gave nothing. */
  noteSilence(take: NewTake): Promise<void> {
    return this.#enqueue({ kind: "silent", take });
  }

  /** Says in the log that something of this track is not there; what follows is a take of its own. */
  noteLoss(cause: LossCause): Promise<void> {
    return this.#enqueue({ kind: "lost", cause });
  }

  /** Takes no more; what was taken is sealed. */
  async drain(): Promise<void> {
    this.#isClosed = true;
    this.isLive = false;
    if (this.#inputs.hasHalf) await this.noteLoss(LossCause.source);
    await this.flush();
  }

  /** Whether something that was taken is not sealed. */
  get hasMore(): boolean {
    return this.#hadMore || this.#jobs.length > 0 || this.#segment !== undefined || this.isLive;
  }

  /** Gives up what is not sealed, and wipes it. */
  destroy(error: unknown): void {
    this.#isClosed = true;
    this.#hadMore = this.hasMore;
    this.#failure ??= { error };
    this.#stopTimer?.();
    this.#segment?.destroy(error);
    // The first may be under way: it wipes what it used.
    this.#jobs.clear().forEach((job, i) => {
      if (job.kind === "data" && (i > 0 || !this.#isRunning)) job.wipe();
      job.reject(error);
    });
  }

  /** For the journal's last step: what the log says of what was not sealed. */
  async remains(state: TrackState, cause: LossCause, isLate: boolean): Promise<JournalRecord[]> {
    const { crypto, time } = this.#host;
    const now = time();
    const records: JournalRecord[] = [];
    const segment = this.#segment;
    const isOpen = segment !== undefined && state.open?.index === segment.open.index;
    if (isOpen) records.push(...(await segment.cut(cause, now)));
    if (!isLate) return records;
    if (state.takes === 0 && !isOpen)
      records.push(...emptyTakeRecords(crypto, state, this.#take ?? { time: now, type: "" }));
    const loss = { what: Loss.undrained, cause, track: this.id, first: 0, count: 0, time: now };
    return [...records, lossRecord(crypto, loss)];
  }

  #checkUsable(): void {
    if (this.#failure) throw this.#failure.error;
    if (this.#isClosed) throw closedError(`the track "${this.name}"`);
  }

  #enqueue(work: JobWork): Promise<void> {
    if (this.#failure) return rejected(this.#failure.error);
    const done = new Promise<void>((resolve, reject) => this.#jobs.push({ ...work, resolve, reject } as Job));
    done.catch(() => {});
    if (!this.#isRunning) this.#run();
    return done;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let job = this.#jobs.first; job; job = this.#jobs.first) {
      try {
        const { resolve, reject } = job;
        const { stored } = await this.#do(job);
        // Not waited for: the next piece is sealed while the journal writes this one.
        stored.then(resolve, reject);
      } catch (error) {
        job.reject(error);
        this.#fail(error);
        break;
      }
      this.#jobs.shift();
    }
    this.#isRunning = false;
  }

  /** What was given up already, and what the journal then refuses, is no failure of the recording. */
  #fail(error: unknown): void {
    if (!this.#failure) this.#host.fail(error);
  }

  /** @returns when what is sealed is in the journal. */
  async #do(job: Job): Promise<Done> {
    switch (job.kind) {
      case "data":
        try {
          return await this.#data(job);
        } finally {
          job.wipe();
        }
      case "segment":
        return this.#endSegment();
      case "take":
        await this.#endSegment();
        this.#queuedTakes--;
        this.#take = job.take;
        this.#isNewTake = true;
        return DONE;
      case "silent":
        await this.#endSegment();
        await this.#log((state) => [
          ...emptyTakeRecords(this.#host.crypto, state, job.take),
          this.#loss(Loss.silent, LossCause.silence),
        ]);
        return this.#beginTake();
      case "lost":
        return this.#noteLoss(job.cause);
    }
  }

  async #data({ data, time, options }: Job & { readonly kind: "data" }): Promise<Done> {
    if (options.startsSegment) await this.#endSegment();
    const stored: Promise<unknown>[] = [];
    if (data instanceof Uint8Array && data.length <= PIECE)
      stored.push((await this.#push(data, time)).stored);
    else {
      try {
        for await (const piece of piecesOf(data)) {
          stored.push((await this.#push(piece, time)).stored);
          // A Blob's, read for this.
          if (!(data instanceof Uint8Array)) wipe(piece);
        }
      } catch (error) {
        if (!(error instanceof UnreadableBlob)) throw error;
        await this.#noteLoss(LossCause.source);
        stored.push(rejected(sourceFailed("a Blob could not be read", { cause: error.cause })));
      }
    }
    if (options.endsSegment) await this.#endSegment();
    return { stored: Promise.all(stored) };
  }

  async #push(piece: Bytes, time: number): Promise<{ readonly stored: Promise<void> }> {
    if (this.#host.isFull()) await this.#host.room();
    if (this.#failure) throw this.#failure.error;
    if (this.#segment && !this.#segment.fits(piece.length)) await this.#endSegment();
    this.#segment ??= await this.#openSegment();
    // Blobs are as old as what they hold, and what was written between them is not: times never fall within a take.
    this.#latest = Math.max(this.#latest, this.#segment.open.takeTime, time);
    const pushed = await this.#segment.push(piece, this.#latest);
    pushed.stored.catch((error) => this.#fail(error));
    return pushed;
  }

  /** Whether nothing has to be waited for before `piece` is sealed: {@link SegmentWriter.push} consumes it at once. */
  #takesAtOnce(piece: Bytes, { startsSegment }: WriteOptions): boolean {
    const isIdle =
      !this.#isRunning && this.#jobs.length === 0 && this.#segment !== undefined && !startsSegment;
    return isIdle && piece.length <= PIECE && this.#segment!.fits(piece.length) && !this.#host.isFull();
  }

  async #openSegment(): Promise<SegmentWriter> {
    const padding = this.#padding ?? (this.#hasText ? "chunk" : "none");
    const open = (this.#isNewTake ? undefined : this.#reserved) ?? (await this.#reserve());
    this.#reserved = undefined;
    this.#isNewTake = false;
    const segment = await openSegmentWriter(this.#host, open, padding === "none" ? undefined : padding);
    if (this.#failure) {
      segment.destroy(this.#failure.error);
      throw this.#failure.error;
    }
    this.#stopTimer = lazyTimeout(() => this.flush().catch(() => {}), this.#host.segmentEvery);
    return segment;
  }

  async #reserve(): Promise<OpenSegment> {
    const { journal } = this.#host;
    this.#host.checkLog();
    await journal.write(() => ({ records: [this.#reservation(this.#isNewTake)] }));
    return journal.state.track(this.id).open!;
  }

  /** To be called in a step of the journal. */
  #reservation(isNewTake: boolean): JournalRecord {
    const { takes, nextIndex, open } = this.#host.journal.state.track(this.id);
    const { time, type } = this.#take!;
    const take = isNewTake && takes < MAX_TAKES ? takes : takes - 1;
    return { kind: "reserve", track: this.id, take, index: open?.index ?? nextIndex, time, type };
  }

  async #endSegment(): Promise<Done> {
    const segment = this.#segment;
    if (!segment) return DONE;
    this.#stopTimer?.();
    let next: JournalRecord | undefined;
    await segment.finish(() => {
      const { take, index, takeTime: time, type } = segment.open;
      next = this.isLive
        ? { kind: "reserve", track: this.id, take, index: index + 1, time, type }
        : undefined;
      return next ? [next] : [];
    });
    this.#segment = undefined;
    this.#reserved = next && this.#host.journal.state.track(this.id).open;
    this.#host.logged();
    return DONE;
  }

  async #noteLoss(cause: LossCause): Promise<Done> {
    await this.#endSegment();
    await this.#log((state) => [
      ...(state.takes === 0
        ? emptyTakeRecords(this.#host.crypto, state, this.#take ?? this.#emptyTake())
        : []),
      this.#loss(Loss.undrained, cause),
    ]);
    return this.#beginTake();
  }

  /** What follows is a take of its own, although nobody asked for one. */
  #beginTake(): Done {
    this.#take = { ...this.#emptyTake(), type: this.#take?.type ?? "" };
    this.#isNewTake = true;
    return DONE;
  }

  async #log(records: (state: TrackState) => JournalRecord[]): Promise<Done> {
    const { journal } = this.#host;
    await journal.write(() => ({ records: records(journal.state.track(this.id)) }));
    this.#host.logged();
    return DONE;
  }

  #loss(what: Loss, cause: LossCause): JournalRecord {
    const loss = { what, cause, track: this.id, first: 0, count: 0, time: this.#host.time() };
    return lossRecord(this.#host.crypto, loss);
  }

  #emptyTake(): NewTake {
    return { time: this.#host.time(), type: "" };
  }
}
