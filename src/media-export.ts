/**
 * `blindreel/media-export`: an excerpt as an ordinary video file. It imports `mediabunny`.
 *
 * @module blindreel/media-export
 * @category Reviewer
 */
import {
  ALL_FORMATS,
  BufferSource,
  BufferTarget,
  EncodedAudioPacketSource,
  type EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  type InputTrack,
  Mp4OutputFormat,
  Output,
  WebMOutputFormat,
} from "mediabunny";
import { BlindreelError, isBlindreelError, limitExceeded, type PlaybackFault, wrongType } from "./errors.js";
import { type Bytes, concatBytes, joinBytes, utf8 } from "./formats/bytes.js";
import { LIMITS } from "./formats/constants.js";
import { encodeBase64Url } from "./formats/encoding.js";
import { type Checks, readOptions, signalArgument } from "./formats/options.js";
import type { OpenedExcerpt } from "./review/open-excerpt.js";
import type { ReadOptions } from "./source/byte-source.js";

/** Options of {@link exportExcerpt}. */
export interface ExportExcerptOptions {
  readonly signal?: AbortSignal;
}

const EXPORT: Checks<ExportExcerptOptions> = { signal: signalArgument };

/** A WebM or MP4 file with an index and a duration. */
export interface ExportedMedia {
  readonly bytes: Bytes;
  /** Media type with its codecs. */
  readonly type: string;
  readonly extension: "webm" | "mp4";
  /** The file's time 0 by the recorder's clock. */
  readonly startedAt: Date;
  /** In milliseconds. */
  readonly duration: number;
}

/**
 * For students, hearings and archives: makes an ordinary file of an opened excerpt, which players and editors read. Frames are copied
 * and not encoded anew. It begins with the first key frame of the range: by up to one key interval later than the excerpt. Segments
 * that are missing are a jump in time. The file is no proof; the excerpt is.
 *
 * The take's first segment is in the file where the next one follows on; else it only tells how to decode.
 *
 * @throws BlindreelError `unplayable`: `media` for what is neither WebM nor MP4, or of a codec that its container has no place for;
 *   `empty` for a range without a key frame. `limit-exceeded` above 64 MiB; errors of the segments' `read`; `signal.reason`.
 */
export async function exportExcerpt(
  excerpt: OpenedExcerpt,
  given?: ExportExcerptOptions,
): Promise<ExportedMedia> {
  const { signal } = readOptions<ExportExcerptOptions>("options", given, EXPORT);
  if (typeof excerpt?.source !== "function" || !Array.isArray(excerpt.segments))
    throw wrongType("excerpt", "an opened excerpt", excerpt);
  const total = excerpt.segments.reduce((sum, { size }) => sum + size, 0);
  if (total > LIMITS.excerpt) throw limitExceeded("the excerpt's content", LIMITS.excerpt, total);
  const inputs: Input[] = [];
  const open = (bytes: Bytes): Input => {
    const input = new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS });
    inputs.push(input);
    return input;
  };
  try {
    const [head, ...runs] = await readRuns(excerpt, signal ? { signal } : {});
    // Alone it says how to decode, and is none of the range's.
    const isHeadOnly = runs.length > 0 && excerpt.segments[1]!.index !== excerpt.segments[0]!.index + 1;
    const initialisation = runs.length > 0 ? await initialisationOf(head!, open) : head!;
    const frames = isHeadOnly ? [] : await framesOf(open(head!));
    for (const run of runs) {
      const content = run.subarray(fragmentIn(run));
      frames.push(...(await framesOf(open(concatBytes(initialisation, content)))));
    }
    signal?.throwIfAborted();
    return await write(frames, excerpt.take.startedAt, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (isBlindreelError(error)) throw error;
    throw unplayable("media", error);
  } finally {
    for (const input of inputs) input.dispose();
  }
}

/** The content of segments that follow on each other. */
async function readRuns({ segments }: OpenedExcerpt, options: ReadOptions): Promise<Bytes[]> {
  const runs: Bytes[][] = [];
  for (const [i, segment] of segments.entries()) {
    if (segments[i - 1]?.index !== segment.index - 1) runs.push([]);
    runs.at(-1)!.push(await segment.read(options));
  }
  return runs.map((parts) => joinBytes(parts));
}

/**
 * The shortest beginning that tells of all tracks what the whole of it does: behind it the library finds the next WebM cluster, also
 * where a segment begins inside of one.
 */
async function initialisationOf(head: Bytes, open: (bytes: Bytes) => Input): Promise<Bytes> {
  const whole = await tracksIn(open(head));
  let [low, high] = [0, head.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const found = await tracksIn(open(head.subarray(0, middle))).catch(() => undefined);
    if (found === whole) high = middle;
    else low = middle + 1;
  }
  return head.subarray(0, low);
}

/** Where an MP4 run has its first fragment, which the library looks for at the beginning alone; 0 where there is none. */
function fragmentIn(run: Bytes): number {
  for (let at = run.indexOf(MOOF[0]!); at >= 0; at = run.indexOf(MOOF[0]!, at + 1))
    if (MOOF.every((byte, i) => byte === undefined || run[at + i] === byte)) return Math.max(0, at - 4);
  return 0;
}

/** A fragment's box behind its size: `moof`, the size of its first child, which is `mfhd` (ISO/IEC 14496-12 §8.8.5). */
const MOOF = [...utf8("moof"), undefined, undefined, undefined, undefined, ...utf8("mfhd")];

async function tracksIn(input: Input): Promise<string> {
  const configs: unknown[] = [];
  for (const track of await input.getTracks()) {
    const config = track.isVideoTrack() || track.isAudioTrack() ? await track.getDecoderConfig() : null;
    const description = config?.description && encodeBase64Url(toBytes(config.description));
    configs.push([track.type, track.codec, { ...config, description }]);
  }
  return JSON.stringify(configs);
}

const toBytes = (data: AllowSharedBufferSource): Bytes =>
  ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data as ArrayBuffer);

/** A frame, and the place of its track. */
interface Frame {
  readonly place: number;
  readonly track: InputTrack;
  readonly packet: EncodedPacket;
}

/** From the first key frame of the video on: nothing before it can be decoded. */
async function framesOf(input: Input): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (const [place, track] of (await input.getTracks()).entries())
    try {
      for await (const packet of new EncodedPacketSink(track).packets())
        frames.push({ place, track, packet });
    } catch {
      // A range, or what comes before a missing segment, may end inside of a fragment's head. All of it is authentic.
    }
  const hasVideo = (await input.getVideoTracks()).length > 0;
  const first = frames.find(
    ({ track, packet }) => packet.type === "key" && (track.type === "video" || !hasVideo),
  );
  return first ? frames.filter(({ packet }) => packet.timestamp >= first.packet.timestamp) : [];
}

/** The codecs that each container has a place for are mediabunny's to refuse. */
const CONTAINERS = {
  webm: () => new WebMOutputFormat(),
  mp4: () => new Mp4OutputFormat({ fastStart: "in-memory" }),
};

async function write(
  frames: readonly Frame[],
  takeStart: Date,
  signal: AbortSignal | undefined,
): Promise<ExportedMedia> {
  if (frames.length === 0) throw unplayable("empty");
  const isWebM = (await frames[0]!.track.input.getMimeType()).includes("webm");
  const extension = isWebM ? "webm" : "mp4";
  const start = frames.reduce(
    (first, { packet }) => Math.min(first, packet.timestamp),
    Number.POSITIVE_INFINITY,
  );
  const end = frames.reduce((last, { packet }) => Math.max(last, packet.timestamp + packet.duration), 0);
  const target = new BufferTarget();
  const output = new Output({ format: CONTAINERS[extension](), target });
  const adders = new Map<number, (packet: EncodedPacket) => Promise<void>>();
  for (const { place, track } of frames)
    if (!adders.has(place)) adders.set(place, await addTrack(output, track));
  await output.start();
  // By time over all tracks, and in the order of decoding in each.
  const queues = [...adders.keys()].map((place) => frames.filter((frame) => frame.place === place));
  for (let next = takeFirst(queues); next; next = takeFirst(queues)) {
    signal?.throwIfAborted();
    const timestamp = next.packet.timestamp - start;
    await adders.get(next.place)!(next.packet.clone({ timestamp }));
  }
  await output.finalize();
  return {
    bytes: new Uint8Array(target.buffer!),
    type: await output.getMimeType(),
    extension,
    startedAt: new Date(takeStart.getTime() + Math.round(start * 1000)),
    duration: Math.round((end - start) * 1000),
  };
}

function takeFirst(queues: Frame[][]): Frame | undefined {
  const queue = queues
    .filter(({ length }) => length > 0)
    .reduce<Frame[] | undefined>(
      (first, each) => (first && first[0]!.packet.timestamp <= each[0]!.packet.timestamp ? first : each),
      undefined,
    );
  return queue?.shift();
}

/** @throws where the container has no place for the codec. */
async function addTrack(
  output: Output,
  track: InputTrack,
): Promise<(packet: EncodedPacket) => Promise<void>> {
  if (track.isVideoTrack()) {
    const source = new EncodedVideoPacketSource(track.codec!);
    output.addVideoTrack(source, { rotation: track.rotation });
    const decoderConfig = (await track.getDecoderConfig()) ?? undefined;
    return (packet) => source.add(packet, decoderConfig && { decoderConfig });
  }
  if (!track.isAudioTrack()) throw unplayable("media");
  const source = new EncodedAudioPacketSource(track.codec!);
  output.addAudioTrack(source);
  const decoderConfig = (await track.getDecoderConfig()) ?? undefined;
  return (packet) => source.add(packet, decoderConfig && { decoderConfig });
}

function unplayable(reason: PlaybackFault, cause?: unknown): BlindreelError<"unplayable"> {
  const why =
    reason === "empty" ? "no key frame is in its range" : "it is neither WebM nor MP4 that can be read";
  return new BlindreelError(
    "unplayable",
    `the excerpt makes no file: ${why}`,
    { reason },
    cause === undefined ? undefined : { cause },
  );
}
