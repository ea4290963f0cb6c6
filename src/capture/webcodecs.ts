import { pause, settlesWithin } from "../recording/timing.js";
import { sourceFailed } from "../source/byte-source.js";
import { type FrameCounts, NO_FRAMES } from "./frames.js";
import type { CaptureInput } from "./input.js";
import { AudioLane, type LaneEvents, VideoLane } from "./lanes.js";
import { TakeMuxer } from "./muxer.js";
import type { CaptureSettings } from "./options.js";
import type { CaptureTake, TakeEvents, TakeOutput } from "./take.js";

/** Milliseconds that a take's end waits for its encoders. */
const LONGEST_FLUSH = 3000;
/** Milliseconds that a flush of the recording waits for the next key frame. */
const LONGEST_HURRY = 1000;

/** A take that WebCodecs encodes, from samples of its inputs. */
export class SampleTake implements CaptureTake {
  readonly inputs: ReadonlySet<CaptureInput>;
  readonly #output: TakeOutput;
  readonly #events: TakeEvents;
  readonly #muxer: TakeMuxer;
  readonly #ready: Promise<void>;
  readonly #startedAt: number;
  readonly #video: VideoLane | undefined;
  readonly #audio: AudioLane | undefined;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  /** @param now of `performance.now()`: media time 0. */
  constructor(
    inputs: readonly CaptureInput[],
    settings: CaptureSettings,
    output: TakeOutput,
    events: TakeEvents,
    now: number,
  ) {
    const video = inputs.find(({ isVideo }) => isVideo);
    this.inputs = new Set(inputs);
    this.#output = output;
    this.#events = events;
    this.#startedAt = now;
    this.#muxer = new TakeMuxer(output, {
      isMp4: settings.codec === "avc" && video !== undefined,
      isByVideo: video !== undefined,
      keyFrameEvery: settings.keyFrameEvery / 1000,
    });
    if (video) this.#video = new VideoLane(video, settings, this.#laneEvents(true));
    if (inputs.some(({ isVideo }) => !isVideo))
      this.#audio = new AudioLane(settings, this.#laneEvents(false));
    this.#ready = this.#muxer.start(this.#video?.source, this.#audio?.source);
    this.#ready.catch((error) => this.#fail(error));
  }

  get hasGiven(): boolean {
    return this.#output.hasGiven;
  }

  get frames(): FrameCounts {
    return this.#video?.frames ?? NO_FRAMES;
  }

  add(input: CaptureInput, sample: VideoFrame | AudioData, now: number): void {
    this.#try(() => {
      const elapsed = now - this.#startedAt;
      if (input.isVideo) this.#video!.add(sample as VideoFrame, elapsed);
      else this.#audio!.add(sample as AudioData, elapsed);
    });
  }

  tick(now: number): void {
    const elapsed = now - this.#startedAt;
    this.#try(() => {
      this.#video?.tick(elapsed);
      this.#audio?.tick(elapsed);
    });
  }

  async hurry(): Promise<void> {
    if (!this.#video || this.#isOver) return;
    this.#video.hurry();
    await Promise.race([this.#output.nextUnit(), pause(LONGEST_HURRY)]);
  }

  async finish(): Promise<void> {
    this.#isOver = true;
    this.#output.holdTail();
    const flushed = Promise.all([this.#video?.flush(), this.#audio?.flush()]);
    const isFlushed = await settlesWithin(flushed, LONGEST_FLUSH);
    if (!isFlushed) this.#fail(sourceFailed("the encoder does not end"));
    await (isFlushed ? flushed : undefined)?.catch((error) => this.#fail(error));
    this.#close();
    // Where encoders failed, what they gave is written all the same.
    await this.#ready.then(() => this.#muxer.finish()).catch((error) => this.#fail(error));
    await this.#output.written();
    if (this.#failure) throw this.#failure.error;
  }

  cancel(): void {
    this.#isOver = true;
    this.#close();
    this.#muxer.cancel().catch(() => {});
  }

  #laneEvents(isVideo: boolean): LaneEvents {
    return {
      onPacket: (packet, add) => {
        this.#muxer.saw(isVideo, packet);
        this.#ready.then(add).catch((error) => this.#fail(error));
      },
      onFailure: (error) => this.#fail(error),
      onResize: () => this.#events.onChange(),
      onGap: (error) => this.#events.onGap(error),
    };
  }

  #try(action: () => void): void {
    if (this.#isOver || this.#failure) return;
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#failure) return;
    this.#failure = { error };
    this.#events.onFailure(error);
  }

  #close(): void {
    this.#video?.close();
    this.#audio?.close();
  }
}
