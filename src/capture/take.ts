import { type Bytes, concatBytes } from "../formats/bytes.js";
import type { TrackSink } from "../recording/track-source.js";
import type { FrameCounts } from "./frames.js";
import type { CaptureInput } from "./input.js";
import type { MuxerTarget } from "./muxer.js";

/** What a take tells the capture. */
export interface TakeEvents {
  readonly onFailure: (error: unknown) => void;
  /** It cannot go on as it began: a new take. */
  readonly onChange: () => void;
  /** Input is missing in it: a loss, and a new take. */
  readonly onGap: (error: unknown) => void;
}

/** One run of encoders over some of a stream's tracks. */
export interface CaptureTake {
  readonly inputs: ReadonlySet<CaptureInput>;
  readonly frames: FrameCounts;
  /** Whether it gave anything. */
  readonly hasGiven: boolean;
  /** Takes a sample of one of its inputs, which the caller closes. */
  add(input: CaptureInput, sample: VideoFrame | AudioData, now: number): void;
  /** To be called often. @param now of `performance.now()`. */
  tick(now: number): void;
  /** Resolves when a unit that ends soon was handed to the track. */
  hurry(): Promise<void>;
  /** Encodes and writes what is left. @throws the encoders' failure, behind all that could be written. */
  finish(): Promise<void>;
  /** Nothing can be written any more. */
  cancel(): void;
}

/** Bytes of a segment above which the next unit begins one: a unit is not split where it fits. */
const SEGMENT_FULL = 7 * 2 ** 20;

interface Init {
  readonly bytes: Bytes;
  readonly type: Promise<string>;
}

interface HeldUnit {
  readonly bytes: Bytes;
  /** Seconds of media time. */
  readonly time: number;
}

/** Writes the units of one take to its track, in order, behind the take before. */
export class TakeOutput implements MuxerTarget {
  readonly #sink: TrackSink;
  readonly #time: () => number;
  readonly #onBuffered: (bytes: number) => void;
  #written: Promise<void>;
  #failure: { readonly error: unknown } | undefined;
  #segment = 0;
  #startedAt = 0;
  #init: Init | undefined;
  #hasGiven = false;
  #isEnding = false;
  #held: HeldUnit | undefined;
  #onUnit: (() => void)[] = [];

  /** @param time of media time 0, asked for when the first unit is there. @param onBuffered told of bytes that begin to wait, or, below 0, wait no more. */
  constructor(
    sink: TrackSink,
    time: () => number,
    before: Promise<void>,
    onBuffered: (bytes: number) => void,
  ) {
    this.#sink = sink;
    this.#time = time;
    this.#written = before;
    this.#onBuffered = onBuffered;
  }

  get hasGiven(): boolean {
    return this.#hasGiven;
  }

  /** Resolves when the next unit was given out. */
  nextUnit(): Promise<void> {
    return new Promise((resolve) => this.#onUnit.push(resolve));
  }

  /** From here on a unit without a key frame, the tail of the sound, is written with the one before: alone it might begin a segment. */
  holdTail(): void {
    this.#isEnding = true;
  }

  /** Resolves when all units were handed to the track. @throws the track's refusal. */
  async written(): Promise<void> {
    this.#release();
    await this.#written;
    if (this.#failure) throw this.#failure.error;
  }

  init(bytes: Bytes, type: Promise<string>): void {
    this.#hasGiven = true;
    this.#init = { bytes, type };
  }

  unit(bytes: Bytes, time: number, hasKey: boolean): void {
    if (!hasKey && this.#held) {
      this.#held = { bytes: concatBytes(this.#held.bytes, bytes), time: this.#held.time };
      return;
    }
    this.#release();
    if (this.#isEnding) this.#held = { bytes, time };
    else this.#give({ bytes, time });
    for (const tell of this.#onUnit.splice(0)) tell();
  }

  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held) this.#give(held);
  }

  #begin({ bytes, type }: Init): void {
    this.#init = undefined;
    this.#add(async () => {
      this.#startedAt = this.#time();
      this.#sink.startTake({ time: this.#startedAt, type: (await type).replace(/, /g, ",") });
      this.#write(bytes, { time: this.#startedAt, endsSegment: true });
    }, bytes.length);
  }

  #give({ bytes, time }: HeldUnit): void {
    if (this.#init) this.#begin(this.#init);
    this.#add(async () => {
      const startsSegment = this.#segment + bytes.length > SEGMENT_FULL;
      this.#segment = (startsSegment ? 0 : this.#segment) + bytes.length;
      this.#write(bytes, { time: Math.round(this.#startedAt + 1000 * time), startsSegment });
    }, bytes.length);
  }

  /** A step that fails is the last one: what follows would not play. */
  #add(step: () => Promise<void>, size: number): void {
    this.#onBuffered(size);
    this.#written = this.#written
      .then(() => {
        if (this.#failure) throw this.#failure.error;
        return step();
      })
      .catch((error) => {
        this.#failure ??= { error };
        this.#onBuffered(-size);
      });
  }

  #write(bytes: Bytes, options: Parameters<TrackSink["write"]>[1]): void {
    const settled = (): void => this.#onBuffered(-bytes.length);
    this.#sink.write(bytes, options).then(settled, settled);
  }
}
