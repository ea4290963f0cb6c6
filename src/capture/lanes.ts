import { EncodedAudioPacketSource, EncodedPacket, EncodedVideoPacketSource } from "mediabunny";
import { sourceFailed } from "../source/byte-source.js";
import type { FrameCounts } from "./frames.js";
import type { CaptureInput } from "./input.js";
import { MediaClock } from "./media-clock.js";
import { bitrateOf, type CaptureCodec, type CaptureSettings } from "./options.js";

/** Frames in an encoder: what comes beyond is dropped. */
const MOST_WAITING = 8;
/** Milliseconds after which a picture that stands still is repeated: sound beside it is not written before. */
const REPEAT_AFTER = 1000;
/** Milliseconds behind which a page was held up. A hidden page's timers are a second apart. */
const HELD_UP = 1200;
/** Milliseconds after which an encoder that gives nothing is lost. */
const ENCODER_LOST = 5000;
/** Milliseconds for which another picture size must last to begin a take. */
const SIZE_LASTS = 1000;
/** Frames that may be between a track and its reader. */
const ON_THEIR_WAY = 2;

const CODEC_STRINGS: Readonly<Record<CaptureCodec, string>> = {
  vp8: "vp8",
  vp9: "vp09.00.41.08",
  av1: "av01.0.08M.08",
  avc: "avc1.42E033",
};

/** What a lane tells its take. */
export interface LaneEvents {
  readonly onPacket: (packet: EncodedPacket, isAdded: () => Promise<void>) => void;
  readonly onFailure: (error: unknown) => void;
  /** The picture has another size, for good. */
  readonly onResize: () => void;
  /** Samples are missing. */
  readonly onGap: (error: unknown) => void;
}

/** The picture of a take: frames to packets. Times are milliseconds since the take's beginning. */
export class VideoLane {
  readonly source: EncodedVideoPacketSource;
  readonly input: CaptureInput;
  readonly #settings: CaptureSettings;
  readonly #events: LaneEvents;
  readonly #clock = new MediaClock();
  #encoder: VideoEncoder | undefined;
  /** Frames in the encoder: microseconds of media time, and when they came. */
  readonly #waiting: { readonly stamp: number; readonly at: number }[] = [];
  #frameAt = Number.NEGATIVE_INFINITY;
  #keyAt = Number.NEGATIVE_INFINITY;
  #size = "";
  #otherSizeSince: number | undefined;
  #ticked = 0;
  #heldUntil = 0;
  /** Of the input, before this take. */
  readonly #before: { readonly delivered: number; readonly seen: number };
  #unread = 0;
  #skipped = 0;
  #encoded = 0;

  constructor(input: CaptureInput, settings: CaptureSettings, events: LaneEvents) {
    this.input = input;
    this.#settings = settings;
    this.#events = events;
    this.source = new EncodedVideoPacketSource(settings.codec);
    this.#before = { delivered: input.delivered, seen: input.seen };
  }

  get frames(): FrameCounts {
    const dropped = this.#unread + this.#skipped;
    return { in: this.#encoded + this.#waiting.length + dropped, out: this.#encoded, dropped };
  }

  add(frame: VideoFrame, now: number): void {
    this.#checkSize(`${frame.displayWidth} ${frame.displayHeight}`, now);
    this.#encoder ??= this.#makeEncoder(frame);
    this.#encode(frame, this.#clock.timeOf(frame.timestamp / 1e6, now / 1000), now);
  }

  tick(now: number): void {
    // A page that was held up hears of its frames later than of its timers.
    if (now - this.#ticked > HELD_UP) this.#heldUntil = now + REPEAT_AFTER;
    this.#ticked = now;
    if (now < this.#heldUntil) return;
    this.#countUnread();
    const first = this.#waiting[0];
    if (first && now - first.at > ENCODER_LOST) throw sourceFailed("the encoder gives nothing any more");
    const { still } = this.input;
    if (still && now - this.#frameAt >= REPEAT_AFTER) {
      this.#encoder ??= this.#makeEncoder(still);
      this.#encode(still, this.#clock.repeat(now / 1000), now);
    }
  }

  /** The next frame becomes a key frame. */
  hurry(): void {
    this.#keyAt = Number.NEGATIVE_INFINITY;
  }

  /** What the page had no time to read, it never will. */
  async flush(): Promise<void> {
    this.#countUnread();
    if (this.#encoder?.state === "configured") await this.#encoder.flush();
  }

  close(): void {
    if (this.#encoder && this.#encoder.state !== "closed") this.#encoder.close();
    this.#skipped += this.#waiting.splice(0).length;
  }

  #countUnread(): void {
    const { delivered, seen } = this.#before;
    const unread = this.input.delivered - delivered - (this.input.seen - seen) - ON_THEIR_WAY;
    this.#unread = Math.max(this.#unread, unread);
  }

  #checkSize(size: string, now: number): void {
    if (this.#size === "") this.#size = size;
    if (this.#size === size) {
      this.#otherSizeSince = undefined;
      return;
    }
    // Until then the encoder scales it: a window that is being resized has another one with every frame.
    this.#otherSizeSince ??= now;
    if (now - this.#otherSizeSince >= SIZE_LASTS) this.#events.onResize();
  }

  #encode(frame: VideoFrame, time: number, now: number): void {
    this.#frameAt = now;
    if (this.#waiting.length >= MOST_WAITING) {
      this.#skipped++;
      return;
    }
    const keyFrame = 1000 * (time - this.#keyAt) >= this.#settings.keyFrameEvery;
    if (keyFrame) this.#keyAt = time;
    const stamp = Math.round(1e6 * time);
    const stamped = new VideoFrame(frame, { timestamp: stamp });
    try {
      this.#encoder!.encode(stamped, { keyFrame });
      this.#waiting.push({ stamp, at: now });
    } finally {
      stamped.close();
    }
  }

  #makeEncoder({ displayWidth, displayHeight }: VideoFrame): VideoEncoder {
    // H.264 has pictures of even size.
    const [width, height] = [displayWidth, displayHeight].map((each) => Math.max(2, each - (each % 2)));
    const encoder = new VideoEncoder({
      output: (chunk, meta) => {
        for (; this.#waiting[0] && this.#waiting[0].stamp < chunk.timestamp; this.#skipped++)
          this.#waiting.shift();
        this.#waiting.shift();
        this.#encoded++;
        const packet = EncodedPacket.fromEncodedChunk(chunk);
        this.#events.onPacket(packet, () => this.source.add(packet, meta));
      },
      error: this.#events.onFailure,
    });
    encoder.configure({
      codec: CODEC_STRINGS[this.#settings.codec],
      width: width!,
      height: height!,
      bitrate: bitrateOf(this.#settings, width, height),
      latencyMode: "realtime",
    });
    return encoder;
  }
}

/** Microseconds of sound that may be missing: an encoder counts samples, and what is missing shifts all that follows. */
const LONGEST_GAP = 100_000;

/** The sound of a take: samples to packets. */
export class AudioLane {
  readonly source = new EncodedAudioPacketSource("opus");
  readonly #settings: CaptureSettings;
  readonly #events: LaneEvents;
  readonly #clock = new MediaClock();
  #encoder: AudioEncoder | undefined;
  /** Of the last sample. */
  #now = 0;
  /** Microseconds of the source's time, where the next sample begins. */
  #next: number | undefined;
  /** Of the first sample that nothing was given for. */
  #waitsSince: number | undefined;

  constructor(settings: CaptureSettings, events: LaneEvents) {
    this.#settings = settings;
    this.#events = events;
  }

  add(data: AudioData, now: number): void {
    this.#now = now;
    const missing = data.timestamp - (this.#next ?? data.timestamp);
    this.#next = data.timestamp + data.duration;
    if (Math.abs(missing) > LONGEST_GAP) {
      this.#events.onGap(sourceFailed(`${Math.round(missing / 1000)} ms of sound are missing`));
      return;
    }
    this.#clock.place(data.timestamp / 1e6, now / 1000);
    this.#encoder ??= this.#makeEncoder(data);
    this.#encoder.encode(data);
    this.#waitsSince ??= now;
  }

  /** Without its sound a picture is not written. */
  tick(now: number): void {
    if (this.#waitsSince !== undefined && now - this.#waitsSince > ENCODER_LOST)
      throw sourceFailed("the encoder gives nothing any more");
  }

  async flush(): Promise<void> {
    if (this.#encoder?.state === "configured") await this.#encoder.flush();
  }

  close(): void {
    if (this.#encoder && this.#encoder.state !== "closed") this.#encoder.close();
  }

  #makeEncoder({ sampleRate, numberOfChannels }: AudioData): AudioEncoder {
    const encoder = new AudioEncoder({
      output: (chunk, meta) => {
        this.#waitsSince = undefined;
        const timestamp = this.#clock.timeOf(chunk.timestamp / 1e6, this.#now / 1000);
        const packet = EncodedPacket.fromEncodedChunk(chunk).clone({ timestamp });
        this.#events.onPacket(packet, () => this.source.add(packet, meta));
      },
      error: this.#events.onFailure,
    });
    const bitrate = this.#settings.audioBitsPerSecond;
    encoder.configure({ codec: "opus", sampleRate, numberOfChannels, bitrate });
    return encoder;
  }
}
