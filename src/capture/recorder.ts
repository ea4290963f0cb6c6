import {
  EncodedAudioPacketSource,
  type EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  MP4,
  ReadableStreamSource,
  WEBM,
} from "mediabunny";
import { pause, settlesWithin } from "../recording/timing.js";
import { sourceFailed } from "../source/byte-source.js";
import type { FrameCounts } from "./frames.js";
import type { CaptureInput } from "./input.js";
import { TakeMuxer } from "./muxer.js";
import { bitrateOf, type CaptureSettings } from "./options.js";
import type { CaptureTake, TakeEvents, TakeOutput } from "./take.js";

/** Milliseconds between two blobs. */
const TIMESLICE = 500;
/** Most bytes of the recorder's that the reader keeps: it reads them in their order. */
const READER_CACHE = 4 * 2 ** 20;

/** Milliseconds that a flush of the recording waits for the next blob's unit. */
const LONGEST_HURRY = 1000;
/** Milliseconds that a take's end waits for its recorder: what comes later would stand behind the next take. */
const LONGEST_STOP = 10_000;
/** Frames that a recorder which stops may not encode. */
const ON_THEIR_WAY = 3;
/** Milliseconds after which the packet of a frame has been read. */
const LATEST = 4000;

/** Types that are asked for, the best first. */
function recorderTypes({ codec }: CaptureSettings, hasVideo: boolean, hasAudio: boolean): string[] {
  if (!hasVideo) return ["audio/webm;codecs=opus", "audio/mp4;codecs=opus", "audio/mp4"];
  const sound = hasAudio ? ",opus" : "";
  const mp4 = [`video/mp4;codecs=avc1.42E033${sound}`, `video/mp4;codecs=avc1.42E01F${sound}`, "video/mp4"];
  if (codec === "avc") return mp4;
  return [`video/webm;codecs=${codec}${sound}`, `video/webm;codecs=vp8${sound}`, ...mp4];
}

/** Milliseconds since 1970. */
interface RecorderClock {
  now(): number;
  /** Told of media time 0, each time when more is known. */
  startsAt(time: number): void;
}

/** A take that a `MediaRecorder` encodes. Its bytes are read as they come, and its packets go the way of all others. */
export class RecorderTake implements CaptureTake {
  readonly inputs: ReadonlySet<CaptureInput>;
  readonly #settings: CaptureSettings;
  readonly #output: TakeOutput;
  readonly #events: TakeEvents;
  readonly #recorder: MediaRecorder;
  readonly #stopped: Promise<void>;
  readonly #written: Promise<void>;
  /** Frames that the picture's track gave before the recorder started. */
  #before: number | undefined;
  #muxer: TakeMuxer | undefined;
  #failure: { readonly error: unknown } | undefined;
  #encoded = 0;
  /** What the picture's track gave, and when, of the last seconds. */
  readonly #delivered: { readonly at: number; readonly frames: number }[] = [];
  #dropped = 0;
  #received = 0;
  readonly #clock: RecorderClock;
  readonly #calledAt: number;
  #startedAt = Number.POSITIVE_INFINITY;
  /** When the latest data came. */
  #blobAt = 0;
  #isEnding = false;

  /** @throws BlindreelError `source-failed` where the browser records none of the types. */
  constructor(
    inputs: readonly CaptureInput[],
    settings: CaptureSettings,
    output: TakeOutput,
    events: TakeEvents,
    clock: RecorderClock,
  ) {
    this.inputs = new Set(inputs);
    this.#settings = settings;
    this.#output = output;
    this.#events = events;
    this.#clock = clock;
    const video = this.#videoInput;
    const hasAudio = inputs.some(({ isVideo }) => !isVideo);
    const mimeType = recorderTypes(settings, video !== undefined, hasAudio).find((type) =>
      MediaRecorder.isTypeSupported(type),
    );
    if (mimeType === undefined)
      throw sourceFailed("the browser records none of the types that are known here");
    const { width, height } = video?.track.getSettings() ?? {};
    this.#recorder = new MediaRecorder(new MediaStream(inputs.map(({ track }) => track)), {
      mimeType,
      videoBitsPerSecond: bitrateOf(settings, width, height),
      audioBitsPerSecond: settings.audioBitsPerSecond,
      // Unknown to TypeScript's declarations, and to Firefox.
      videoKeyFrameIntervalDuration: settings.keyFrameEvery,
    } as MediaRecorderOptions);
    const bytes = new ReadableStream<Uint8Array>({ start: (controller) => this.#listen(controller) });
    this.#stopped = new Promise((resolve) =>
      this.#recorder.addEventListener("stop", () => resolve(), { once: true }),
    );
    const started = (): void => {
      this.#before = video?.delivered ?? 0;
      this.#startsAt(clock.now());
    };
    this.#recorder.addEventListener("start", started, { once: true });
    this.#written = this.#transmux(bytes, /^[a-z]+\/mp4/.test(mimeType));
    this.#written.catch((error) => this.#fail(error));
    this.#calledAt = clock.now();
    this.#recorder.start(TIMESLICE);
  }

  get hasGiven(): boolean {
    return this.#output.hasGiven;
  }

  get frames(): FrameCounts {
    const [out, dropped] = [this.#encoded, this.#dropped];
    return { in: out + dropped, out, dropped };
  }

  add(): void {}

  tick(now: number): void {
    if (this.#before === undefined) return;
    this.#delivered.push({ at: now, frames: this.#videoInput?.delivered ?? 0 });
    while (this.#delivered.length > 1 && now - this.#delivered[1]!.at >= LATEST) this.#delivered.shift();
    const [{ at, frames }] = this.#delivered as [{ at: number; frames: number }];
    if (now - at >= LATEST) this.#countDropped(frames);
  }

  async hurry(): Promise<void> {
    if (this.#recorder.state !== "recording") return;
    this.#recorder.requestData();
    await Promise.race([this.#output.nextUnit(), pause(LONGEST_HURRY)]);
  }

  async finish(): Promise<void> {
    this.#isEnding = true;
    const delivered = this.#videoInput?.delivered ?? 0;
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    const isOver = Promise.all([this.#stopped, this.#written.catch(() => {})]);
    if (!(await settlesWithin(isOver, LONGEST_STOP))) {
      this.#fail(sourceFailed("the recorder does not end"));
      this.cancel();
    }
    this.#countDropped(delivered);
    await this.#output.written();
    if (this.#failure) throw this.#failure.error;
  }

  cancel(): void {
    this.#isEnding = true;
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    this.#muxer?.cancel().catch(() => {});
  }

  get #videoInput(): CaptureInput | undefined {
    return [...this.inputs].find(({ isVideo }) => isVideo);
  }

  /** Data counts until `stop`: a recorder that failed gives its last, and largest, behind its error. */
  #listen(controller: ReadableStreamDefaultController<Uint8Array>): void {
    let before = Promise.resolve();
    this.#recorder.addEventListener("dataavailable", ({ data }) => {
      const blobAt = this.#clock.now();
      before = before.then(async () => {
        if (data.size === 0) return;
        this.#blobAt = blobAt;
        this.#received += data.size;
        controller.enqueue(new Uint8Array(await data.arrayBuffer()));
      });
    });
    this.#recorder.addEventListener("error", (event) => this.#fail((event as ErrorEvent).error ?? event));
    this.#recorder.addEventListener("stop", () => {
      this.#output.holdTail();
      before.then(() => controller.close()).catch((error) => controller.error(error));
      // Unasked: a track of it ended.
      if (!this.#isEnding) this.#events.onChange();
    });
  }

  async #transmux(bytes: ReadableStream<Uint8Array>, isMp4: boolean): Promise<void> {
    const source = new ReadableStreamSource(bytes, { maxCacheSize: READER_CACHE });
    const input = new Input({ formats: [WEBM, MP4], source });
    const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
    const keyFrameEvery = this.#settings.keyFrameEvery / 1000;
    const muxer = new TakeMuxer(this.#output, { isMp4, isByVideo: video !== null, keyFrameEvery });
    this.#muxer = muxer;
    const codecs = [await video?.getCodec(), await audio?.getCodec()] as const;
    if ((video && !codecs[0]) || (audio && !codecs[1])) throw sourceFailed("the recorder's codec is unknown");
    const videoSource = codecs[0] ? new EncodedVideoPacketSource(codecs[0]) : undefined;
    const audioSource = codecs[1] ? new EncodedAudioPacketSource(codecs[1]) : undefined;
    await muxer.start(videoSource, audioSource);
    const copyVideo = async (): Promise<void> => {
      if (!video || !videoSource) return;
      const decoderConfig = (await video.getDecoderConfig()) ?? undefined;
      for await (const packet of new EncodedPacketSink(video).packets()) {
        this.#encoded++;
        this.#saw("video", packet);
        muxer.saw(true, packet);
        await videoSource.add(packet, decoderConfig ? { decoderConfig } : undefined);
      }
      videoSource.close();
    };
    const copyAudio = async (): Promise<void> => {
      if (!audio || !audioSource) return;
      const decoderConfig = (await audio.getDecoderConfig()) ?? undefined;
      for await (const packet of new EncodedPacketSink(audio).packets()) {
        this.#saw("audio", packet);
        muxer.saw(false, packet);
        await audioSource.add(packet, decoderConfig ? { decoderConfig } : undefined);
      }
      audioSource.close();
    };
    await Promise.all([copyVideo(), copyAudio()]);
    await muxer.finish();
  }

  /** Of all that is known, the earliest: `start` comes with the first data, which may be seconds late, and no packet comes before its time. */
  #startsAt(time: number): void {
    if (time >= this.#startedAt) return;
    this.#startedAt = time;
    this.#clock.startsAt(Math.max(this.#calledAt, Math.round(time)));
  }

  #countDropped(delivered: number): void {
    const dropped = delivered - (this.#before ?? delivered) - this.#encoded - ON_THEIR_WAY;
    this.#dropped = Math.max(this.#dropped, dropped);
  }

  #saw(kind: string, { timestamp }: EncodedPacket): void {
    this.#startsAt(this.#blobAt - 1000 * timestamp);
    for (const input of this.inputs) if (input.kind === kind) input.saw(performance.now());
  }

  #fail(error: unknown): void {
    // Of a recorder that gave nothing there is nothing to read.
    if (this.#failure || (this.#isEnding && this.#received === 0)) return;
    this.#failure = { error };
    this.#events.onFailure(error);
  }
}
