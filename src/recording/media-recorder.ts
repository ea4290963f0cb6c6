import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import { utf8 } from "../formats/bytes.js";
import { type Checks, readOptions, withDefaults } from "../formats/options.js";
import { LossCause, MAX_TYPE } from "../log/entry.js";
import { sourceFailed } from "../source/byte-source.js";
import type { RecordingContext } from "./context.js";
import type { TakeStart } from "./journal/entries.js";
import { oneOf, positive } from "./options.js";
import { Change, lazyTimeout, pause } from "./timing.js";
import type { TrackWriter } from "./track.js";
import type { TrackSource } from "./track-source.js";

/** The part of `MediaRecorder` that is used, without types of the DOM. */
export interface MediaRecorderLike {
  readonly state: "inactive" | "recording" | "paused";
  readonly mimeType: string;
  stop(): void;
  pause(): void;
  resume(): void;
  requestData(): void;
  addEventListener(type: string, listener: (event: unknown) => void): void;
  removeEventListener(type: string, listener: (event: unknown) => void): void;
}

/** Options of a track's `record`. */
export interface RecordOptions {
  /** Bytes of this recorder that may wait to be sealed and journalled. 16 MiB unless given. */
  readonly maxBuffered?: number;
  /** Beyond `maxBuffered` the recorder is paused until half of it is left (the default), or stopped. */
  readonly onFull?: "pause" | "stop";
  /** Milliseconds without data after which a running recorder counts as silent: 15,000 unless given. */
  readonly silentAfter?: number;
}

const RECORD = (): Checks<RecordOptions> => ({
  maxBuffered: positive,
  onFull: oneOf("pause", "stop"),
  silentAfter: positive,
});

/** Milliseconds between two looks at the state of a recorder without events. */
const LOOK_INTERVAL = 1000;

/** Longest delay of a recorder's events, in milliseconds. */
const EVENTS_LATE = 50;

/** Bound recorders: one that is bound twice would be recorded twice. */
const bound = /* @__PURE__ */ new WeakSet<object>();

/**
 * Writes all data of a recorder, as a take of its own. It must not run yet: the first blob holds the media initialisation part,
 * and one from before is gone.
 *
 * @throws TypeError, RangeError.
 */
export function bindRecorder(
  context: RecordingContext,
  track: TrackWriter,
  recorder: MediaRecorderLike,
  given: unknown,
): BoundRecorder {
  if (typeof recorder?.addEventListener !== "function" || typeof recorder.requestData !== "function")
    throw wrongType("mediaRecorder", "a MediaRecorder", recorder);
  const options = readOptions<RecordOptions>("options", given, RECORD());
  if (recorder.state !== "inactive")
    throw outOfRange("mediaRecorder", "not started: call record() first, then start()", recorder.state);
  if (bound.has(recorder)) throw outOfRange("mediaRecorder", "one that is not being recorded", "bound twice");
  const binding = new BoundRecorder(context, track, recorder, options);
  bound.add(recorder);
  return binding;
}

/** A recorder's type, without codecs where it is longer than an entry takes. */
function typeOf({ mimeType }: MediaRecorderLike): string {
  const container = String(mimeType).split(";")[0]!;
  const fits = (type: string): boolean => !/\p{Surrogate}/u.test(type) && utf8(type).length <= MAX_TYPE;
  return [String(mimeType), container].find(fits) ?? "";
}

/** A recorder that writes to a track. */
export class BoundRecorder implements TrackSource {
  /** Settles once its last blob is in the journal, or the recording is over. */
  readonly done: Promise<void>;
  readonly #context: RecordingContext;
  readonly #track: TrackWriter;
  readonly #recorder: MediaRecorderLike;
  readonly #options: Required<RecordOptions>;
  readonly #take: TakeStart;
  readonly #given = new Change();
  readonly #listeners: Readonly<Record<string, (event: never) => void>>;
  #settle!: (error?: unknown) => void;
  #buffered = 0;
  #received = 0;
  #isPausedByUs = false;
  #hasRun = false;
  #isOver = false;
  /** Start of the next blob's data. */
  #blobStart: number;
  /** Of the recorder's data. */
  #loss: { readonly cause: LossCause; readonly error: unknown } | undefined;
  #unread: { readonly error: unknown } | undefined;
  #stopWatch: () => void = () => {};
  #isSilent = false;

  constructor(
    context: RecordingContext,
    track: TrackWriter,
    recorder: MediaRecorderLike,
    options: RecordOptions,
  ) {
    this.#context = context;
    this.#track = track;
    this.#recorder = recorder;
    this.#options = withDefaults<RecordOptions, Required<RecordOptions>>(options, {
      maxBuffered: 16 * 2 ** 20,
      onFull: "pause",
      silentAfter: 15_000,
    });
    this.#blobStart = context.time();
    this.#take = { time: this.#blobStart, type: typeOf(recorder) };
    track.startTake(this.#take);
    this.done = new Promise((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.done.catch(() => {});
    this.#listeners = {
      start: () => this.#started(),
      resume: () => this.#watch(),
      pause: () => this.#stopWatch(),
      error: (event: { readonly error?: unknown }) => this.#failed(event.error ?? event),
      dataavailable: ({ data }: { readonly data: Blob }) => this.#data(data),
      stop: () => void this.#stopped(),
    };
    for (const [type, listener] of Object.entries(this.#listeners))
      recorder.addEventListener(type, listener as (event: unknown) => void);
    this.#awaitStart();
  }

  /** Stops a running recorder, and resolves when its data is written; at once where it never ran. */
  async stop(): Promise<void> {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    else if (!this.#hasRun) {
      // It never ran; or it was started and stopped just now, and its events are on their way.
      await Promise.race([pause(EVENTS_LATE), this.done.catch(() => {})]);
      if (!this.#hasRun) return this.abandon(undefined);
    }
    await this.done.catch(() => {});
  }

  /** Requests the data so far, and resolves once it was handed on. */
  async drain(): Promise<void> {
    if (this.#recorder.state === "inactive" || this.#isOver) return;
    const given = this.#given.next();
    this.#recorder.requestData();
    await given;
  }

  /** Unbinds the recorder: the recording is over. */
  abandon(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    this.#settle(error);
  }

  #started(): void {
    this.#blobStart = this.#context.time();
    this.#take.time = this.#blobStart;
    this.#runs();
  }

  #runs(): void {
    this.#hasRun = true;
    this.#track.isLive = true;
    this.#watch();
  }

  /** Chromium says `start` with the first data: of a camera that gives nothing, its state alone tells that it runs. */
  #awaitStart(): void {
    this.#stopWatch = lazyTimeout(
      () => (this.#recorder.state === "inactive" ? this.#awaitStart() : this.#runs()),
      Math.min(this.#options.silentAfter, LOOK_INTERVAL),
    );
  }

  #data(data: Blob): void {
    const time = this.#blobStart;
    this.#blobStart = this.#context.time();
    this.#given.notify();
    if (data.size === 0) return;
    // Not before: some recorders know it with their first data only.
    this.#take.type = typeOf(this.#recorder);
    const isFirst = this.#received === 0;
    this.#received += data.size;
    this.#buffered += data.size;
    if (this.#isSilent) this.#context.settings.onEvent({ type: "restored", track: this.#track.name });
    this.#isSilent = false;
    this.#watch();
    let written: Promise<void>;
    try {
      // The first blob ends with the initialisation part of all others: a segment of its own can be shown with any of them.
      written = this.#track.write(data, { time, isBounded: false, endsSegment: isFirst });
    } catch (error) {
      written = Promise.reject(error);
    }
    written
      // Its loss is in the log already.
      .catch((error) => {
        this.#unread ??= { error };
      })
      .finally(() => {
        this.#buffered -= data.size;
        this.#relieve();
      });
    this.#press();
  }

  #press(): void {
    const { maxBuffered, onFull } = this.#options;
    if (this.#buffered <= maxBuffered || this.#recorder.state !== "recording") return;
    if (onFull === "pause") {
      this.#isPausedByUs = true;
      this.#recorder.pause();
      return;
    }
    const message = `${this.#buffered} bytes of the recorder wait to be sealed and stored`;
    const error = new BlindreelError("queue-full", message, { limit: maxBuffered });
    this.#loss ??= { cause: LossCause.overflow, error };
    this.#recorder.stop();
  }

  #relieve(): void {
    if (!this.#isPausedByUs || this.#buffered > this.#options.maxBuffered / 2) return;
    this.#isPausedByUs = false;
    if (this.#recorder.state === "paused") this.#recorder.resume();
  }

  /** Data counts until `stop`: data from before the error is given after it. */
  #failed(cause: unknown): void {
    this.#loss ??= { cause: LossCause.source, error: sourceFailed("the recorder failed", { cause }) };
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
  }

  /** The standard's order: the last `dataavailable`, then `stop`. */
  async #stopped(): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    try {
      await this.#track.flush();
      if (this.#received === 0) await this.#track.noteSilence(this.#take);
      if (this.#loss) await this.#track.noteLoss(this.#loss.cause);
      this.#settle((this.#loss ?? this.#unread)?.error);
    } catch (error) {
      this.#settle(error);
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#track.isLive = false;
    bound.delete(this.#recorder);
    this.#stopWatch();
    this.#given.notify();
    for (const [type, listener] of Object.entries(this.#listeners))
      this.#recorder.removeEventListener(type, listener as (event: unknown) => void);
  }

  /** Begins to wait for the next data. */
  #watch(): void {
    this.#stopWatch();
    if (this.#isOver || this.#recorder.state !== "recording") return;
    this.#stopWatch = lazyTimeout(() => {
      if (this.#recorder.state !== "recording" || this.#isOver || this.#isSilent) return;
      this.#isSilent = true;
      this.#context.settings.onEvent({ type: "silent", track: this.#track.name });
    }, this.#options.silentAfter);
  }
}
