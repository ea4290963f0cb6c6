import { outOfRange, wrongType } from "../errors.js";
import { type Check, type Checks, readOptions, withDefaults } from "../formats/options.js";

/** Who encodes. */
export type CaptureEncoder = "webcodecs" | "media-recorder";

/** Codec of the picture; its container is WebM, for `avc` fragmented MP4. Sound is Opus. */
export type CaptureCodec = "vp8" | "vp9" | "av1" | "avc";

/** Options of {@link capture}. */
export interface CaptureOptions {
  /** WebCodecs where the browser has all of it, else `MediaRecorder`, unless given. */
  readonly encoder?: CaptureEncoder;
  /** `"vp8"` unless given: every browser plays it, and it costs the least. */
  readonly codec?: CaptureCodec;
  /** Bits per second. By the picture's size unless given: 1.1 million at 1280 × 720. */
  readonly videoBitsPerSecond?: number;
  /** Bits per second: 48,000 unless given. */
  readonly audioBitsPerSecond?: number;
  /** Milliseconds between key frames, where a player can begin: 2000 unless given; 500 to 10,000. */
  readonly keyFrameEvery?: number;
  /** Bytes that may wait to be sealed and journalled: 16 MiB unless given. Beyond, the capture waits, and the log has a loss. */
  readonly maxBuffered?: number;
  /** Milliseconds without a picture, or without sound, after which `silent` is told: 15,000 unless given. */
  readonly silentAfter?: number;
  /** Part of ten seconds' frames: if more are dropped, the log has a loss. 0.25 unless given. */
  readonly maxDropped?: number;
}

export type CaptureSettings = Required<Omit<CaptureOptions, "encoder" | "videoBitsPerSecond">> &
  Pick<CaptureOptions, "encoder" | "videoBitsPerSecond">;

function between(least: number, most: number): Check<number> {
  return (name, value) => {
    if (typeof value !== "number") throw wrongType(name, "a number", value);
    if (!(value >= least && value <= most)) throw outOfRange(name, `${least} to ${most}`, value);
    return value;
  };
}

function among<T extends string>(...known: readonly T[]): Check<T> {
  return (name, value) => {
    if (!known.includes(value as T))
      throw wrongType(name, known.map((each) => `"${each}"`).join(" or "), value);
    return value as T;
  };
}

/** The highest rate that a caller may ask for: above, a key interval would not fit into a segment of 8 MiB. */
const MOST_BITS = 20_000_000;

const CAPTURE = (): Checks<CaptureOptions> => ({
  encoder: among("webcodecs", "media-recorder"),
  codec: among("vp8", "vp9", "av1", "avc"),
  videoBitsPerSecond: between(10_000, MOST_BITS),
  audioBitsPerSecond: between(6000, 510_000),
  keyFrameEvery: between(500, 10_000),
  maxBuffered: between(1, Number.MAX_SAFE_INTEGER),
  silentAfter: between(1, Number.POSITIVE_INFINITY),
  maxDropped: between(0, 1),
});

export function readCaptureOptions(given: unknown): CaptureSettings {
  return withDefaults<CaptureOptions, Omit<CaptureSettings, "encoder" | "videoBitsPerSecond">>(
    readOptions<CaptureOptions>("options", given, CAPTURE()),
    {
      codec: "vp8",
      audioBitsPerSecond: 48_000,
      keyFrameEvery: 2000,
      maxBuffered: 16 * 2 ** 20,
      silentAfter: 15_000,
      maxDropped: 0.25,
    },
  ) as CaptureSettings;
}

/** Bits per pixel and second of a still or slowly moving picture, as faces and screens are. */
const BITS_PER_PIXEL = 1.2;
const FEWEST_BITS = 250_000;

export function bitrateOf(
  { videoBitsPerSecond }: CaptureSettings,
  width: number | undefined,
  height: number | undefined,
): number {
  const pixels = (width ?? 1280) * (height ?? 720);
  return (
    videoBitsPerSecond ?? Math.min(MOST_BITS, Math.max(FEWEST_BITS, Math.round(BITS_PER_PIXEL * pixels)))
  );
}
