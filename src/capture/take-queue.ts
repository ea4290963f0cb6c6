import type { TrackSink } from "../recording/track-source.js";
import { addFrames, type FrameCounts, NO_FRAMES } from "./frames.js";
import type { CaptureTake } from "./take.js";

/** Takes that end, and losses between them, in the order of their time. */
export class TakeQueue {
  readonly #sink: TrackSink;
  readonly #ending = new Set<CaptureTake>();
  #frames: FrameCounts = NO_FRAMES;
  #hasGiven = false;
  #isSilenceNoted = false;
  #settled: Promise<void> = Promise.resolve();

  constructor(sink: TrackSink) {
    this.#sink = sink;
  }

  /** Resolves when all before is written; never rejects. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** Whether a take gave anything. */
  get hasGiven(): boolean {
    return this.#hasGiven;
  }

  /** Of all takes, with the one that runs. */
  frames(running: CaptureTake | undefined): FrameCounts {
    const takes = [...this.#ending, ...(running ? [running] : [])];
    return takes.reduce((sum, { frames }) => addFrames(sum, frames), this.#frames);
  }

  /** Ends a take, and names a loss behind it: `cause`, or that of a take which cannot be ended. */
  end(take: CaptureTake | undefined, cause?: "source" | "overflow"): void {
    if (take) this.#ending.add(take);
    const finished = take?.finish().then(
      () => undefined,
      () => "source" as const,
    );
    this.#add(async () => {
      const failed = await finished;
      if (take) {
        this.#frames = addFrames(this.#frames, take.frames);
        this.#hasGiven ||= take.hasGiven;
        this.#ending.delete(take);
      }
      const loss = cause ?? failed;
      if (loss) await this.#sink.lost(loss);
    });
  }

  /** Whether {@link noteSilence} was called. */
  get isSilenceNoted(): boolean {
    return this.#isSilenceNoted;
  }

  /** Names a take whose sources gave nothing. */
  noteSilence(): void {
    this.#isSilenceNoted = true;
    const time = this.#sink.now();
    this.#add(() => this.#sink.silent({ time, type: "" }));
  }

  cancel(): void {
    for (const take of this.#ending) take.cancel();
  }

  #add(step: () => Promise<void>): void {
    this.#settled = this.#settled.then(step).catch(() => {});
  }
}
