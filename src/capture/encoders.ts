import type { TrackSink } from "../recording/track-source.js";
import type { CaptureInput } from "./input.js";
import type { CaptureEncoder, CaptureSettings } from "./options.js";
import { RecorderTake } from "./recorder.js";
import { hasEncoder } from "./support.js";
import { type CaptureTake, type TakeEvents, TakeOutput } from "./take.js";
import { SampleTake } from "./webcodecs.js";

/** Failures of encoders within a minute, above which the capture ends. */
const MOST_FAILURES = 5;
const MINUTE = 60_000;
/** Milliseconds before the take behind the first failure; doubled for each further one. */
const FIRST_DELAY = 100;

/** Where a take is written to. */
export interface TakeTarget {
  readonly sink: TrackSink;
  /** Settles when the takes before are written. */
  readonly before: Promise<void>;
  /** Told of bytes that begin to wait, or, below 0, wait no more. */
  readonly onBuffered: (bytes: number) => void;
}

/** Who encodes the next take, and when. */
export class Encoders {
  readonly #settings: CaptureSettings;
  #current: CaptureEncoder;
  /** Times within a minute. */
  #failures: number[] = [];
  #notBefore = 0;

  constructor(settings: CaptureSettings, current: CaptureEncoder) {
    this.#settings = settings;
    this.#current = current;
  }

  get current(): CaptureEncoder {
    return this.#current;
  }

  /** Whether samples of inputs are read. */
  get readsSamples(): boolean {
    return this.#current === "webcodecs";
  }

  isReady(now: number): boolean {
    return now >= this.#notBefore;
  }

  /** @param now of `performance.now()`: media time 0, but for a recorder, which says when it starts. @throws where the browser refuses. */
  begin(
    inputs: readonly CaptureInput[],
    { sink, before, onBuffered }: TakeTarget,
    events: TakeEvents,
    now: number,
  ): CaptureTake {
    let startedAt = sink.now();
    const output = new TakeOutput(sink, () => startedAt, before, onBuffered);
    if (this.#current === "webcodecs") return new SampleTake(inputs, this.#settings, output, events, now);
    return new RecorderTake(inputs, this.#settings, output, events, {
      now: () => sink.now(),
      startsAt: (time) => {
        startedAt = time;
      },
    });
  }

  /** Where WebCodecs refuses what it claims to have, a recorder may do. @returns whether to go on. */
  failed(now: number, hadGiven: boolean): boolean {
    this.#failures = [...this.#failures.filter((at) => now - at < MINUTE), now];
    if (!hadGiven && this.#settings.encoder === undefined && hasEncoder("media-recorder"))
      this.#current = "media-recorder";
    this.#notBefore = now + FIRST_DELAY * 2 ** (this.#failures.length - 1);
    return this.#failures.length <= MOST_FAILURES;
  }
}
