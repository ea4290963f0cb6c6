/**
 * `blindreel/media-index`: an index of media that `blindreel/player` cannot place by itself. Needs `mediabunny`.
 *
 * @module blindreel/media-index
 * @category Reviewer
 */
import { CustomSource, EncodedPacketSink, Input, type InputTrack, MATROSKA, MP4, WEBM } from "mediabunny";
import { BlindreelError, isBlindreelError } from "./errors.js";
import type { Bytes } from "./formats/bytes.js";
import { readOptions } from "./formats/options.js";
import type { MediaIndex, MediaUnit } from "./player/content.js";
import type { TakeSource } from "./review/take-source.js";
import { type ByteSource, readExactly } from "./source/byte-source.js";
import { OPERATION, type OperationOptions, progressReporter } from "./stream/operation.js";

export type { MediaIndex, MediaUnit } from "./player/content.js";

/** An EBML header of a cluster: its id, and a size of 1 to 8 bytes. */
const CLUSTER_ID = [0x1f, 0x43, 0xb6, 0x75] as const;
const LONGEST_HEADER = 12;
/** Bytes of the smallest part that is looked at alone where something around it cannot be read. */
const SMALLEST_PART = 64 * 1024;

/**
 * For review pages: reads a take once, and tells where its clusters or fragments are: WebM, and fragmented MP4. The result is plain
 * JSON, to be kept by the caller, as the options' `index` of `play`. Time grows with the take's length, memory by 24 bytes for each
 * second or so. Content that is missing or altered is passed over.
 *
 * @param source of the take: `take.source()`; or any source.
 * @param options `onProgress`: bytes of the take.
 * @throws BlindreelError `unplayable` for what is not such media; `source-failed`, `source-changed`, `closed`; `signal.reason`.
 */
export async function indexTake(
  source: TakeSource | ByteSource,
  options?: OperationOptions,
): Promise<MediaIndex> {
  const { signal, onProgress } = readOptions<OperationOptions>("options", options, OPERATION);
  signal?.throwIfAborted();
  const reading = signal ? { signal } : {};
  const size = typeof source.size === "number" ? source.size : await source.size(reading);
  const bytesOf: ByteSource = { size: async () => size, read: (...range) => source.read(...range) };
  const progress = progressReporter(onProgress, size);
  let failure: unknown;
  let furthest = 0;

  const read = async (start: number, end: number): Promise<Bytes> => {
    try {
      return await readExactly(bytesOf, start, end, reading);
    } catch (error) {
      if (!isLost(error)) throw error;
      // Zeros stand for it: the library looks for the next cluster.
      if (end - start <= SMALLEST_PART) return new Uint8Array(end - start);
    }
    const middle = start + Math.floor((end - start) / 2);
    const halves = [await read(start, middle), await read(middle, end)] as const;
    const whole = new Uint8Array(end - start);
    whole.set(halves[0]);
    whole.set(halves[1], middle - start);
    return whole;
  };
  const noteFailure = (error: unknown): void => {
    failure ??= error;
  };
  const custom = new CustomSource({
    getSize: () => size,
    prefetchProfile: "fileSystem",
    handleUnhandledError: noteFailure,
    async read(start, end) {
      furthest = Math.max(furthest, end);
      progress.report(furthest);
      return read(start, end).catch((error) => {
        noteFailure(error);
        throw error;
      });
    },
  });
  const input = new Input({ formats: [WEBM, MATROSKA, MP4], source: custom });
  try {
    const track = (await input.getPrimaryVideoTrack()) ?? (await input.getPrimaryAudioTrack());
    if (!track) throw unindexable("it has neither picture nor sound");
    const { units, duration } = await unitsOf(track, read, size);
    const type = await input.getMimeType();
    progress.final(size);
    return { type, initEnd: units[0]!.start, units, size, duration };
  } catch (error) {
    signal?.throwIfAborted();
    if (failure !== undefined) throw failure;
    throw isBlindreelError(error) ? error : unindexable("the media library cannot read it", error);
  } finally {
    input.dispose();
  }
}

/** All units that have a frame of `track`. */
async function unitsOf(
  track: InputTrack,
  read: (start: number, end: number) => Promise<Bytes>,
  size: number,
): Promise<{ units: MediaUnit[]; duration: number }> {
  const units: { time: number; start: number; isKey: boolean }[] = [];
  let before = Number.NaN;
  let duration = 0;
  const packets = new EncodedPacketSink(track).packets(undefined, undefined, { metadataOnly: true });
  for await (const { timestamp, duration: length, type, sequenceNumber } of packets) {
    const time = timestamp * 1000;
    duration = Math.max(duration, time + length * 1000);
    // The library numbers frames from their cluster's or fragment's place on, so each of these begins with a leap.
    const isFirst = sequenceNumber !== before + 1;
    before = sequenceNumber;
    if (isFirst) units.push({ time, start: await unitStart(sequenceNumber, read, size), isKey: false });
    const unit = units.at(-1)!;
    if (type !== "key" || unit.isKey) continue;
    unit.time = time;
    unit.isKey = true;
  }
  if (units.length === 0) throw unindexable("it has no frames");
  return { units, duration };
}

/** Where the cluster begins whose content is at `place`, or the fragment that begins there. */
async function unitStart(
  place: number,
  read: (start: number, end: number) => Promise<Bytes>,
  size: number,
): Promise<number> {
  const from = Math.max(0, place - LONGEST_HEADER);
  const bytes = await read(from, Math.min(place + 8, size));
  const at = place - from;
  if (String.fromCharCode(...bytes.subarray(at + 4, at + 8)) === "moof") return place;
  const begins = (n: number): boolean => CLUSTER_ID.every((byte, i) => bytes[n + i] === byte);
  for (let n = at - CLUSTER_ID.length - 1; n >= 0; n--) if (begins(n)) return from + n;
  throw unindexable("it is one whole: only WebM and fragmented MP4 play from the middle");
}

/** Whether content is not there, or not authentic: no failure of the network. */
function isLost(error: unknown): boolean {
  if (!isBlindreelError(error)) return false;
  return error.code === "truncated" || error.code === "authentication-failed" || error.code === "malformed";
}

function unindexable(why: string, cause?: unknown): BlindreelError<"unplayable"> {
  const message = `this take cannot be indexed: ${why}`;
  return new BlindreelError("unplayable", message, { reason: "media" }, { cause });
}
