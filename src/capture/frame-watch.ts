import type { BlindreelError } from "../errors.js";
import type { TrackSink } from "../recording/track-source.js";
import { sourceFailed } from "../source/byte-source.js";
import { type FrameCounts, NO_FRAMES } from "./frames.js";

/** Milliseconds over which dropped frames are counted, and fewest frames that tell of a busy machine. */
const WINDOW = 10_000;
const FEWEST_FRAMES = 10;

/** Counts and tells dropped frames, ten seconds at a time. */
export class FrameWatch {
  readonly #sink: TrackSink;
  readonly #maxDropped: number;
  #since: number;
  #before: FrameCounts = NO_FRAMES;
  /** Of the latest whole span. */
  #usual = 0;

  constructor(sink: TrackSink, maxDropped: number, now: number) {
    this.#sink = sink;
    this.#maxDropped = maxDropped;
    this.#since = now;
  }

  /** @returns the loss, where more were dropped than may be; nothing while a span of time is not over. */
  look(now: number, counts: FrameCounts): BlindreelError | undefined {
    return now - this.#since < WINDOW ? undefined : this.end(now, counts);
  }

  /** Of a span of time that is over early. */
  end(now: number, counts: FrameCounts): BlindreelError | undefined {
    const [frames, dropped] = [counts.in - this.#before.in, counts.dropped - this.#before.dropped];
    const ofFrames = Math.max(frames, this.#usual);
    if (now - this.#since >= WINDOW) this.#usual = frames;
    this.#since = now;
    this.#before = counts;
    if (dropped > 0) this.#sink.tell({ type: "dropped", track: this.#sink.track, dropped, frames });
    const isLoss = ofFrames >= FEWEST_FRAMES && dropped > this.#maxDropped * ofFrames;
    return isLoss ? sourceFailed(`${dropped} of ${frames} frames were dropped`) : undefined;
  }
}
