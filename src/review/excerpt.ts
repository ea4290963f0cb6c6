import { deriveSegmentKey } from "../envelope/key-schedule.js";
import { encodeSegmentHeader } from "../envelope/segment-header.js";
import { authenticationFailed, limitExceeded, outOfRange, truncated } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { SegmentFlag } from "../formats/constants.js";
import { type Check, type Checks, dateArgument, flagArgument, signalArgument } from "../formats/options.js";
import { isPadded } from "../log/entry.js";
import { type ExcerptPart, encodeExcerpt } from "../log/excerpt.js";
import type { ReadOptions } from "../source/byte-source.js";
import { type SegmentLayout, segmentEndTime, type TakeLayout, takeTime } from "./layout.js";
import { LogPaths } from "./log-paths.js";
import type { OpenedReview } from "./review.js";
import type { ReviewContext } from "./review-track.js";
import { openWhole } from "./segment.js";
import { missingObject } from "./store.js";

/** Options of a review's `excerpt`: which minutes, and whether with their objects. */
export interface ExcerptOptions {
  /** Half-open, by the recorder's clock: a Date, or milliseconds since 1970. */
  readonly from: Date | number;
  readonly to: Date | number;
  /**
   * Whether the stored segments themselves are in it, which its reader then needs from nowhere else; true unless stated.
   * Without, it is a scoped grant of a few kilobytes.
   */
  readonly objects?: boolean;
  readonly signal?: AbortSignal;
}

const timeArgument: Check<Date | number> = (name, value) => {
  if (typeof value !== "number") return dateArgument(name, value);
  if (!Number.isFinite(value)) throw outOfRange(name, "a time", String(value));
  return value;
};

export const EXCERPT: Checks<ExcerptOptions> = {
  from: timeArgument,
  to: timeArgument,
  objects: flagArgument,
  signal: signalArgument,
};

/** Their number has 16 bits. */
const MAX_PARTS = 2 ** 16 - 1;

/** Trees of logs that excerpts were made from: hashed once for each review. */
const PATHS = /* @__PURE__ */ new WeakMap<object, LogPaths>();

/** See `RecordingReview.excerpt`. */
export async function makeExcerpt(
  opened: OpenedReview,
  trackId: number,
  { from, to, objects = true }: ExcerptOptions,
  options: ReadOptions,
): Promise<Bytes> {
  const { context, log, limits, sealing } = opened;
  const [start, end] = [Number(from), Number(to)];
  if (end <= start) throw outOfRange("to", "behind from", String(to));
  const { take, shown } = choose(opened, trackId, start, end);
  const paths = PATHS.get(log) ?? new LogPaths(log);
  PATHS.set(log, paths);
  const head = log.head!;
  if (!paths.hasRoot(head.statement.logRoot)) throw authenticationFailed();
  const partOf = (n: number): Omit<ExcerptPart, "segmentKey" | "object"> => {
    const { entry, bytes } = log.entries[n]!;
    return { n, entry, entryBytes: bytes, path: paths.pathOf(n) };
  };
  if (!take.logged || hasGapBetween(log, take.logged.n, shown[0]!.n))
    throw truncated("the log, of which the page with the take's beginning is missing,", head.size);
  const parts: ExcerptPart[] = [{ ...partOf(take.logged.n), segmentKey: undefined, object: undefined }];
  if (shown.length >= MAX_PARTS) throw limitExceeded("the excerpt's parts", MAX_PARTS, shown.length + 1);
  const total = shown.reduce((sum, { entry }) => sum + entry.length, 0);
  if (objects && total > limits.excerpt) throw limitExceeded("the excerpt", limits.excerpt, total);
  const keys: Bytes[] = [];
  try {
    for (const segment of shown) {
      const segmentKey = await keyOf(context, segment);
      keys.push(segmentKey);
      const object = objects ? await fetchObject(context, segment, segmentKey, options) : undefined;
      parts.push({ ...partOf(segment.n), segmentKey, object });
    }
    const { statement, signature } = head;
    const bytes = encodeExcerpt({ core: sealing.coreBytes, statement, signature, parts, witnesses: [] });
    if (bytes.length > limits.excerpt) throw limitExceeded("the excerpt", limits.excerpt, bytes.length);
    return bytes;
  } finally {
    for (const key of keys) wipe(key);
  }
}

/** The take that was recorded then, and of it the first segment and those that overlap. */
function choose({ log }: OpenedReview, trackId: number, start: number, end: number) {
  const found: { take: TakeLayout; overlapping: SegmentLayout[] }[] = [];
  const { takes } = log.tracksById.get(trackId)!;
  for (const take of takes) {
    const overlapping = take.segments.filter((segment) => {
      const segmentEnd = segmentEndTime(segment) ?? log.head!.details.ended;
      // One that begins and ends within a millisecond is at its beginning.
      return segment.entry.time < end && (segmentEnd > start || segment.entry.time >= start);
    });
    if (overlapping.length > 0) found.push({ take, overlapping });
  }
  const [only, other] = found;
  if (!only) throw outOfRange("from … to", "a time at which the track was recorded", `${start} … ${end}`);
  if (other) {
    const border = takeTime(other.take);
    throw outOfRange("from … to", `within one take; the next begins at ${border}`, `${start} … ${end}`);
  }
  const first = only.take.segments[0]!;
  const shown = only.overlapping[0] === first ? only.overlapping : [first, ...only.overlapping];
  return { take: only.take, shown };
}

/** Whether a page is missing that may list a segment before the first that is known. */
function hasGapBetween({ entries }: OpenedReview["log"], start: number, end: number): boolean {
  for (let n = start; n < end; n++) if (!entries[n]) return true;
  return false;
}

function keyOf({ holder, binding }: ReviewContext, { entry }: SegmentLayout): Promise<Bytes> {
  const { crypto, recordingId } = binding;
  const { track, take, index } = entry;
  const flags = isPadded(entry) ? SegmentFlag.padded : 0;
  const header = encodeSegmentHeader({ flags, recordingId, track, take, index });
  return holder.use(({ contentKey }) => deriveSegmentKey(crypto, contentKey, header));
}

/** Whoever is shown it checks it; what would be refused is not handed out. */
async function fetchObject(
  { binding, store, nameOf }: ReviewContext,
  { entry }: SegmentLayout,
  segmentKey: Bytes,
  options: ReadOptions,
): Promise<Bytes> {
  const name = nameOf(entry);
  const object = await store.open(name, { start: 0, end: entry.length }, options);
  if (!object) throw missingObject(name);
  try {
    const bytes = (await object.read(0, entry.length, options)).slice();
    const content = await openWhole(binding, () => segmentKey.slice(), entry, bytes, options);
    wipe(content);
    return bytes;
  } finally {
    await object.close();
  }
}
