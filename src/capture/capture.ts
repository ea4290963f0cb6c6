import type { BlindreelError } from "../errors.js";
import type { TrackSink, TrackSource } from "../recording/track-source.js";
import { sourceFailed } from "../source/byte-source.js";
import { Encoders } from "./encoders.js";
import { FrameWatch } from "./frame-watch.js";
import type { FrameCounts } from "./frames.js";
import type { CaptureInput } from "./input.js";
import { CaptureInputs } from "./inputs.js";
import type { CaptureEncoder, CaptureSettings } from "./options.js";
import { Pressure } from "./pressure.js";
import { type CaptureStream, streamArgument } from "./stream.js";
import type { CaptureTake } from "./take.js";
import { TakeQueue } from "./take-queue.js";

/** Milliseconds between two looks at what the inputs give. */
const TICK = 100;
/** Milliseconds for which a first take waits for the tracks that have given nothing yet. */
const START_WAIT = 2000;
/** The capture of `blindreel/capture`: which take runs, over which inputs (docs/recordings.md, "Capture"). */
export class StreamCapture implements TrackSource {
  readonly done: Promise<void>;
  readonly #sink: TrackSink;
  readonly #settings: CaptureSettings;
  readonly #inputs: CaptureInputs;
  readonly #encoders: Encoders;
  #take: CaptureTake | undefined;
  readonly #takes: TakeQueue;
  readonly #watch: FrameWatch;
  #isPaused = false;
  /** A track ended by itself in a pause: it is missing from the next take on. */
  #ended: BlindreelError | undefined;
  #isOver = false;
  #stopping: Promise<void> | undefined;
  #settle!: (error?: unknown) => void;
  readonly #pressure: Pressure;
  #waitsSince: number;
  #tickedAt = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(sink: TrackSink, stream: CaptureStream, settings: CaptureSettings, encoder: CaptureEncoder) {
    const now = performance.now();
    this.#sink = sink;
    this.#settings = settings;
    this.#encoders = new Encoders(settings, encoder);
    this.#waitsSince = now;
    this.#pressure = new Pressure(settings.maxBuffered);
    this.#takes = new TakeQueue(sink);
    this.#watch = new FrameWatch(sink, settings.maxDropped, now);
    this.done = new Promise((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.done.catch(() => {});
    this.#inputs = new CaptureInputs(streamArgument(stream), {
      onSample: (input, sample, at) => {
        if (!this.#take || at - this.#tickedAt >= TICK) this.#tick(at);
        if (this.#take?.inputs.has(input)) this.#take.add(input, sample, at);
      },
      onEnded: () => this.#sourceEnded(sourceFailed("a track of the stream ended")),
    });
    this.#inputs.update(this.#encoders.readsSamples);
    this.#sink.setLive(true);
    this.#timer = setInterval(() => this.#tick(performance.now()), TICK);
    this.#look(now);
  }

  get encoder(): CaptureEncoder {
    return this.#encoders.current;
  }

  get frames(): FrameCounts {
    return this.#takes.frames(this.#take);
  }

  pause(): void {
    this.#isPaused = true;
    this.#endTake();
  }

  resume(): void {
    if (this.#isOver) return;
    this.#isPaused = false;
    this.#waitsSince = performance.now();
    if (this.#ended) this.#sourceEnded(this.#ended);
    this.#look(this.#waitsSince);
  }

  replace(stream: CaptureStream): void {
    this.#inputs.stream = streamArgument(stream);
    this.#ended = undefined;
    this.#waitsSince = performance.now();
    this.#tick(this.#waitsSince);
  }

  async drain(): Promise<void> {
    await this.#take?.hurry();
  }

  stop(error?: unknown): Promise<void> {
    this.#stopping ??= this.#finish(error);
    return this.#stopping;
  }

  abandon(error: unknown): void {
    this.#close();
    this.#take?.cancel();
    this.#take = undefined;
    this.#takes.cancel();
    this.#settle(error);
  }

  #tick(now: number): void {
    if (this.#isOver) return;
    this.#tickedAt = now;
    this.#inputs.update(this.#encoders.readsSamples);
    for (const [kind, type] of this.#inputs.checkSilence(now, this.#settings.silentAfter)) {
      if (this.#isPaused) continue;
      this.#sink.tell({ type, track: this.#sink.track, kind });
      if (type === "silent" && !this.#take?.hasGiven) this.#takes.noteSilence();
    }
    this.#take?.tick(now);
    const loss = this.#watch.look(now, this.frames);
    if (loss) this.#lose("overflow", loss);
    this.#look(now);
  }

  /** Whether what the inputs give makes another take, or the first, or none. */
  #look(now: number): void {
    // A pause is long enough to change the device.
    if (this.#isPaused) return;
    // The page stopped them, or took them from the stream.
    if (this.#inputs.all.length === 0) this.stop();
    if (this.#isOver || this.#pressure.isFull) return;
    const giving = this.#inputs.giving(now);
    if (this.#take) {
      if (giving.length === this.#take.inputs.size && giving.every((each) => this.#take!.inputs.has(each)))
        return;
      this.#endTake();
    }
    if (giving.length === 0 || !this.#encoders.isReady(now)) return;
    const isComing = this.#inputs.all.some((input) => !giving.includes(input) && input.seen === 0);
    if (!isComing || now - this.#waitsSince >= START_WAIT) this.#beginTake(giving, now);
  }

  #beginTake(giving: readonly CaptureInput[], now: number): void {
    const before = this.#takes.settled;
    const target = { sink: this.#sink, before, onBuffered: (bytes: number) => this.#press(bytes) };
    let take: CaptureTake | undefined;
    // What a take tells behind its end, its end tells.
    const told = (action: () => void): void => {
      if (take && take === this.#take) action();
    };
    const events = {
      onFailure: (error: unknown) => told(() => this.#failed(take, error)),
      onChange: () => told(() => this.#endTake()),
      onGap: (error: unknown) => told(() => this.#lose("overflow", error)),
    };
    try {
      take = this.#encoders.begin(giving, target, events, now);
    } catch (error) {
      this.#failed(undefined, error);
      return;
    }
    this.#take = take;
    take.tick(now);
  }

  #endTake(cause?: "source" | "overflow"): void {
    const take = this.#take;
    this.#take = undefined;
    if (take || cause) this.#takes.end(take, cause);
  }

  #lose(cause: "source" | "overflow", error: unknown): void {
    this.#endTake(cause);
    this.#sink.tell({ type: "restarted", track: this.#sink.track, error });
  }

  #failed(take: CaptureTake | undefined, cause: unknown): void {
    const error = sourceFailed("the encoder failed", { cause });
    if (this.#encoders.failed(performance.now(), take?.hasGiven === true)) this.#lose("source", error);
    else this.#giveUp(error);
  }

  #sourceEnded(error: BlindreelError): void {
    this.#ended = this.#isPaused ? error : undefined;
    if (this.#isPaused) return;
    if (this.#inputs.all.length === 0) this.#giveUp(error);
    else this.#lose("source", error);
  }

  #giveUp(error: unknown): void {
    this.#endTake("source");
    this.stop(error);
  }

  #press(bytes: number): void {
    const error = this.#pressure.add(bytes);
    if (error && !this.#isOver) this.#lose("overflow", error);
  }

  async #finish(error: unknown): Promise<void> {
    this.#endTake();
    this.#close();
    await this.#takes.settled;
    if (!this.#takes.hasGiven && !this.#takes.isSilenceNoted) this.#takes.noteSilence();
    if (this.#watch.end(performance.now(), this.frames)) this.#takes.end(undefined, "overflow");
    await this.#takes.settled;
    this.#sink.setLive(false);
    await this.#sink.flush().then(() => this.#settle(error), this.#settle);
  }

  #close(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#inputs.close();
  }
}
