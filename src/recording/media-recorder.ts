import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import { utf8 } from "../formats/bytes.js";
import { type Check, type Checks, readOptions } from "../formats/options.js";
import { LossCause, MAX_TYPE } from "../log/entry.js";
import { sourceFailed } from "../source/byte-source.js";
import type { RecordingEvent } from "./events.js";
import { Change, lazyTimeout, pause } from "./timing.js";
import type { TrackWriter } from "./track.js";
import type { NewTake } from "./track-host.js";

/** What of a `MediaRecorder` is used, so that no types of the DOM are needed. */
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
  /** What happens beyond: the recorder is paused until half of it is left (the default), or stopped. */
  readonly onFull?: "pause" | "stop";
  /** Milliseconds without data after which a running recorder counts as silent: 15,000 unless given. */
  readonly silentAfter?: number;
}

/** A recorder that writes to a track. */
export interface BoundRecorder {
  /** Settles once its last blob is in the journal, or the recording is over. */
  readonly done: Promise<void>;
  /** Stops the recorder, if it still runs, and resolves when what it had is written; at once where it never ran. */
  stop(): Promise<void>;
  /** Asks for what it has recorded so far, and resolves once that was handed on. */
  drain(): Promise<void>;
  /** Lets go: the recording is over. */
  abandon(error: unknown): void;
}

const positive: Check<number> = (name, value) => {
  if (typeof value !== "number" || !(value > 0)) throw outOfRange(name, "above 0", String(value));
  return value;
};

const OPTIONS: Checks<RecordOptions> = {
  maxBuffered: positive,
  onFull: (name, value) => {
    if (value !== "pause" && value !== "stop") throw wrongType(name, '"pause" or "stop"', value);
    return value;
  },
  silentAfter: positive,
};

/** Milliseconds between two looks at whether a recorder runs that did not say so. */
const LOOK_INTERVAL = 1000;

/** Milliseconds that a recorder's events may be late. */
const EVENTS_LATE = 50;

/** Recorders that write to a track: one that writes twice would put everything into the recording twice. */
const bound = /* @__PURE__ */ new WeakSet<object>();

/**
 * Writes all that a recorder gives, as a take of its own. It must not run yet: the first blob holds what all others need,
 * and one that was given before is gone.
 *
 * @throws TypeError, RangeError.
 */
export function bindRecorder(
  track: TrackWriter,
  recorder: MediaRecorderLike,
  given: unknown,
  time: () => number,
  onEvent: (event: RecordingEvent) => void,
): BoundRecorder {
  if (typeof recorder?.addEventListener !== "function" || typeof recorder.requestData !== "function")
    throw wrongType("mediaRecorder", "a MediaRecorder", recorder);
  const options = readOptions<RecordOptions>("options", given, OPTIONS);
  if (recorder.state !== "inactive")
    throw outOfRange("mediaRecorder", "not started: call record() first, then start()", recorder.state);
  if (bound.has(recorder)) throw outOfRange("mediaRecorder", "one that is not being recorded", "bound twice");
  const binding = new Binding(track, recorder, options, time, onEvent);
  bound.add(recorder);
  return binding;
}

/** As much of a recorder's type as the log takes: without its codecs where they are too many. */
function typeOf({ mimeType }: MediaRecorderLike): string {
  const container = String(mimeType).split(";")[0]!;
  const fits = (type: string): boolean => !/\p{Surrogate}/u.test(type) && utf8(type).length <= MAX_TYPE;
  return [String(mimeType), container].find(fits) ?? "";
}

class Binding implements BoundRecorder {
  readonly done: Promise<void>;
  readonly #track: TrackWriter;
  readonly #recorder: MediaRecorderLike;
  readonly #options: Required<RecordOptions>;
  readonly #time: () => number;
  readonly #onEvent: (event: RecordingEvent) => void;
  readonly #take: NewTake;
  readonly #given = new Change();
  readonly #listeners: Readonly<Record<string, (event: never) => void>>;
  #settle!: (error?: unknown) => void;
  #buffered = 0;
  #received = 0;
  #isPausedByUs = false;
  #hasRun = false;
  #isOver = false;
  /** When what the next blob holds began. */
  #blobStart: number;
  /** What is lost of this recorder. */
  #loss: { readonly cause: LossCause; readonly error: unknown } | undefined;
  #unread: { readonly error: unknown } | undefined;
  #stopWatch: () => void = () => {};
  #isSilent = false;

  constructor(
    track: TrackWriter,
    recorder: MediaRecorderLike,
    options: RecordOptions,
    time: () => number,
    onEvent: (event: RecordingEvent) => void,
  ) {
    this.#track = track;
    this.#recorder = recorder;
    this.#options = { maxBuffered: 16 * 2 ** 20, onFull: "pause", silentAfter: 15_000, ...options };
    this.#time = time;
    this.#onEvent = onEvent;
    this.#blobStart = time();
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

  async stop(): Promise<void> {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    else if (!this.#hasRun) {
      // It never ran; or it was started and stopped just now, and its events are on their way.
      await Promise.race([pause(EVENTS_LATE), this.done.catch(() => {})]);
      if (!this.#hasRun) return this.abandon(undefined);
    }
    await this.done.catch(() => {});
  }

  async drain(): Promise<void> {
    if (this.#recorder.state === "inactive" || this.#isOver) return;
    const given = this.#given.next();
    this.#recorder.requestData();
    await given;
  }

  abandon(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    this.#settle(error);
  }

  #started(): void {
    this.#blobStart = this.#time();
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
    this.#blobStart = this.#time();
    this.#given.notify();
    if (data.size === 0) return;
    // Not before: some learn it only when they have seen what they record.
    this.#take.type = typeOf(this.#recorder);
    const isFirst = this.#received === 0;
    this.#received += data.size;
    this.#buffered += data.size;
    if (this.#isSilent) this.#onEvent({ type: "restored", track: this.#track.name });
    this.#isSilent = false;
    this.#watch();
    let written: Promise<void>;
    try {
      // The first blob ends with what every other one needs: a segment of its own can be shown with any of them.
      written = this.#track.write(data, { time, isBounded: false, endsSegment: isFirst });
    } catch (error) {
      written = Promise.reject(error);
    }
    written
      // What was lost of it, its write noted.
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

  /** Data counts until `stop`, which comes: what was recorded before the error is given after it. */
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
      this.#onEvent({ type: "silent", track: this.#track.name });
    }, this.#options.silentAfter);
  }
}
