import { closedError, limitExceeded } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { LossCause, MAX_TAKES } from "../log/entry.js";
import { sourceFailed } from "../source/byte-source.js";
import type { Padding } from "../stream/padding.js";
import { inputPieces, PIECE, sizeOf, type TrackInput, TrackInputs, UnreadableBlob } from "./input.js";
import type { Intake } from "./intake.js";
import { Jobs } from "./jobs.js";
import { type NewEntry, silentEntries, type TakeStart, undrainedEntries } from "./journal/entries.js";
import type { TrackState } from "./journal/state.js";
import { type SegmentContext, STORED, type Stored } from "./segment.js";
import { quiet } from "./timing.js";
import { TrackSegments } from "./track-segments.js";

/** Parts that the tracks of a recording share. */
export interface TrackContext extends SegmentContext {
  readonly intake: Intake;
}

export interface WriteOptions {
  /** When it was recorded, in milliseconds since 1970. */
  readonly time?: number;
  /** Whether `maxQueued` holds for it. */
  readonly isBounded?: boolean;
  /** Begin a segment with it: a key frame. */
  readonly startsSegment?: boolean;
  /** End the segment behind it: a media initialisation part. */
  readonly endsSegment?: boolean;
}

/** Ceiling of takes on demand: the rest is for losses and crashes, behind which one begins by itself. */
const MOST_TAKES = MAX_TAKES - 1024;

/** Writes one track. Every promise settles, and a lost entry names input that could not be sealed. */
export class TrackWriter {
  readonly id: number;
  readonly name: string;
  readonly #context: TrackContext;
  /** Undefined: text is padded, all else is not. */
  readonly #padding: Padding | "none" | undefined;
  readonly #inputs = new TrackInputs();
  readonly #jobs: Jobs;
  readonly #segments: TrackSegments;
  #hasText = false;
  #isClosed = false;
  /** Whether input was given up. */
  #hadMore = false;
  /** Takes whose jobs wait. */
  #queuedTakes = 0;

  constructor(
    context: TrackContext,
    { id, name }: Pick<TrackState, "id" | "name">,
    padding: Padding | "none" | undefined,
  ) {
    this.#context = context;
    this.id = id;
    this.name = name;
    this.#padding = padding;
    this.#jobs = new Jobs((error) => context.life.fail(error));
    this.#segments = new TrackSegments(context, id, this.#jobs, () => {
      const wanted = this.#padding ?? (this.#hasText ? "chunk" : "none");
      return wanted === "none" ? undefined : wanted;
    });
  }

  /** Copies or consumes `input` before it returns. @throws as {@link RecordingTrack.write}. */
  write(input: TrackInput, options: WriteOptions = {}): Promise<void> {
    this.#checkUsable();
    const data = this.#inputs.read(input);
    const isText = typeof input === "string";
    if (isText && !this.#hasText) {
      this.#hasText = true;
      // Padded from here on: an unpadded segment ends.
      if (this.#padding === undefined) this.flush();
    }
    const { intake } = this.#context;
    const size = sizeOf(data);
    if (options.isBounded !== false) intake.check(size);
    if (size === 0) return Promise.resolve();
    const time = options.time ?? this.#context.time();
    this.#segments.ensureTake(time);
    intake.add(size);
    const [own, discard] = this.#own(data, isText, options);
    const written = this.#jobs.add(async () => {
      try {
        return await this.#seal(own, time, options);
      } finally {
        discard();
      }
    }, discard);
    return written.finally(() => intake.remove(size));
  }

  /** Begins a take: later input plays apart from earlier input. */
  startTake(take: TakeStart): void {
    this.#checkUsable();
    const takes = (this.#context.journal.state.tracks[this.id - 1]?.takes ?? 0) + this.#queuedTakes;
    if (takes >= MOST_TAKES) throw limitExceeded("the number of takes", MOST_TAKES, takes + 1);
    this.#queuedTakes++;
    this.#jobs.add(async () => {
      await this.#segments.end();
      this.#queuedTakes--;
      this.#segments.beginTake(take);
      return STORED;
    });
  }

  /** Ends the segment. Resolves when all that was written is in the journal. */
  flush(): Promise<void> {
    return this.#jobs.add(() => this.#segments.end());
  }

  /** Whether a recorder runs. */
  set isLive(isLive: boolean) {
    this.#segments.isLive = isLive;
  }

  /** Writes a lost entry for a take whose source gave nothing. */
  noteSilence(take: TakeStart): Promise<void> {
    return this.#jobs.add(() => this.#note((state, time) => silentEntries(state, take, time)));
  }

  /** Writes a lost entry for input of this track. */
  noteLoss(cause: LossCause): Promise<void> {
    return this.#jobs.add(() => this.#noteLoss(cause));
  }

  /** Takes no more input, and seals all that was taken. */
  async drain(): Promise<void> {
    this.#isClosed = true;
    this.isLive = false;
    if (this.#inputs.hasHalf) await this.noteLoss(LossCause.source);
    await this.flush();
  }

  /** Whether input is unsealed, or a recorder has more. */
  get hasMore(): boolean {
    return this.#hadMore || this.#jobs.length > 0 || this.#segments.isOpen || this.#segments.isLive;
  }

  /** Gives up and wipes all unsealed content. */
  destroy(error: unknown): void {
    this.#isClosed = true;
    this.#hadMore = this.hasMore;
    this.#segments.destroy(error);
    this.#jobs.giveUp(error);
  }

  /** To be called in the journal's last step of tracks: entries of unsealed input. */
  async remains(state: TrackState, cause: LossCause, isLate: boolean): Promise<readonly NewEntry[]> {
    const time = this.#context.time();
    const cut = await this.#segments.cut(cause, time);
    if (!isLate) return cut ?? [];
    const start = cut ? undefined : (this.#segments.take ?? { time, type: "" });
    return [...(cut ?? []), ...undrainedEntries(state, cause, time, start)];
  }

  #checkUsable(): void {
    this.#jobs.check();
    if (this.#isClosed) throw closedError(`the track "${this.name}"`);
  }

  /** Data that stays unchanged until it is sealed, and its end: a copy, but for text, Blobs, and bytes that are sealed at once. */
  #own(data: Blob | Bytes, isText: boolean, options: WriteOptions): [Blob | Bytes, () => void] {
    if (!(data instanceof Uint8Array)) return [data, () => {}];
    if (isText) return [data, () => wipe(data)];
    const isIdle = this.#jobs.length === 0 && !options.startsSegment;
    const isConsumed = isIdle && data.length <= PIECE && this.#segments.takesAtOnce(data.length);
    return isConsumed ? [data, () => {}] : this.#context.intake.copies.of(data);
  }

  async #seal(data: Blob | Bytes, time: number, options: WriteOptions): Promise<Stored> {
    const segments = this.#segments;
    if (options.startsSegment) await segments.end();
    const stored: Promise<unknown>[] = [];
    if (data instanceof Uint8Array && data.length <= PIECE)
      stored.push((await segments.push(data, time)).stored);
    else {
      try {
        for await (const piece of inputPieces(data)) {
          stored.push((await segments.push(piece, time)).stored);
          // Read from a Blob for this alone.
          if (!(data instanceof Uint8Array)) wipe(piece);
        }
      } catch (error) {
        if (!(error instanceof UnreadableBlob)) throw error;
        await this.#noteLoss(LossCause.source);
        stored.push(quiet(Promise.reject(sourceFailed("a Blob could not be read", { cause: error.cause }))));
      }
    }
    if (options.endsSegment) await segments.end();
    return { stored: Promise.all(stored) };
  }

  #noteLoss(cause: LossCause): Promise<Stored> {
    return this.#note((state, time) =>
      undrainedEntries(state, cause, time, this.#segments.take ?? { time, type: "" }),
    );
  }

  /** Ends the segment, writes entries behind it, and begins a take for later input. */
  async #note(entries: (state: TrackState, time: number) => NewEntry[]): Promise<Stored> {
    const { journal, time } = this.#context;
    await this.#segments.end();
    await journal.write(() => ({ entries: entries(journal.state.track(this.id), time()) }));
    this.#segments.beginTake({ time: time(), type: this.#segments.take?.type ?? "" });
    return STORED;
  }
}
