import { authenticationFailed, limitExceeded, outOfRange, truncated } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { type Check, type Checks, dateArgument, flagArgument, signalArgument } from "../formats/options.js";
import { logLeaf, type SegmentEntry } from "../log/entry.js";
import { type ExcerptPart, encodeExcerpt } from "../log/excerpt.js";
import type { OpenedManifest } from "../log/manifest.js";
import { isSameHash, nodeHash, SUBTREE } from "../log/tree.js";
import type { ReadOptions } from "../source/byte-source.js";
import { type SegmentLayout, segmentEndTime, takeTime } from "./layout.js";
import type { RecordingLog } from "./read-log.js";
import { headerOf, openWhole } from "./segment.js";
import { objectOf, segmentKeyOf, type UnlockedRecording } from "./unlocked-recording.js";

/** Options of a review's `excerpt`: which minutes, and whether with their objects. */
export interface ExcerptOptions {
  /** Half-open, by the recorder's clock: a Date, or milliseconds since 1970. */
  readonly from: Date | number;
  readonly to: Date | number;
  /**
   * Whether the excerpt includes the stored segments; true unless stated. Without, it is a scoped grant of a few kilobytes, and
   * its reader fetches them.
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

/** The field has 16 bits. */
const MAX_PARTS = 2 ** 16 - 1;

/** Trees by log: hashed once for each review. */
const PATHS = /* @__PURE__ */ new WeakMap<RecordingLog, LogPaths>();

/** See `RecordingReview.excerpt`: take and segments of the range, their paths to the signed root, their keys and objects. */
export async function makeExcerpt(
  recording: UnlockedRecording,
  log: RecordingLog,
  trackId: number,
  { from, to, objects = true }: ExcerptOptions,
  options: ReadOptions,
): Promise<Bytes> {
  const { coreBytes: core, limits } = recording;
  const segments = selectSegments(log, trackId, Number(from), Number(to));
  const paths = pathsOf(log);
  const parts = [proveTake(log, paths, segments[0]!)];
  const total = segments.reduce((sum, { entry }) => sum + entry.length, 0);
  if (segments.length >= MAX_PARTS)
    throw limitExceeded("the excerpt's parts", MAX_PARTS, segments.length + 1);
  if (objects && total > limits.excerpt) throw limitExceeded("the excerpt", limits.excerpt, total);
  const keys: Bytes[] = [];
  try {
    for (const { n, entry } of segments) {
      const segmentKey = await segmentKeyOf(recording, headerOf(recording, entry));
      keys.push(segmentKey);
      const object = objects ? await fetchObject(recording, entry, segmentKey, options) : undefined;
      parts.push({ ...proveEntry(log, paths, n), segmentKey, object });
    }
    const { statement, signature } = log.head!;
    const bytes = encodeExcerpt({ core, statement, signature, parts, witnesses: [] });
    if (bytes.length > limits.excerpt) throw limitExceeded("the excerpt", limits.excerpt, bytes.length);
    return bytes;
  } finally {
    wipe(...keys);
  }
}

/** All segments of one take that overlap, behind its first one. */
function selectSegments(
  { head, layout }: RecordingLog,
  trackId: number,
  start: number,
  end: number,
): SegmentLayout[] {
  if (end <= start) throw outOfRange("to", "behind from", String(end));
  const overlaps = (segment: SegmentLayout): boolean => {
    const segmentEnd = segmentEndTime(segment) ?? head!.details.ended;
    // One that begins and ends within a millisecond is at its beginning.
    return segment.entry.time < end && (segmentEnd > start || segment.entry.time >= start);
  };
  const takes = layout.tracksById.get(trackId)!.takes.filter(({ segments }) => segments.some(overlaps));
  const [take, other] = takes;
  if (!take) throw outOfRange("from … to", "a time at which the track was recorded", `${start} … ${end}`);
  if (other) {
    const expected = `within one take; the next begins at ${takeTime(other)}`;
    throw outOfRange("from … to", expected, `${start} … ${end}`);
  }
  return take.segments.filter((segment) => segment.ordinal === 0 || overlaps(segment));
}

/** @throws BlindreelError `authentication-failed` where pages contradict the manifest. */
function pathsOf(log: RecordingLog): LogPaths {
  const head = log.head!;
  const paths = PATHS.get(log) ?? new LogPaths(head, log.entries);
  PATHS.set(log, paths);
  if (!paths.hasRoot(head.statement.logRoot)) throw authenticationFailed();
  return paths;
}

/** The part of the take's entry. A page missing before its first known segment may list the real first one. */
function proveTake(log: RecordingLog, paths: LogPaths, { n, take }: SegmentLayout): ExcerptPart {
  if (!take.logged || log.entries.slice(take.logged.n, n).includes(undefined))
    throw truncated("the log, of which the page with the take's beginning is missing,", log.head!.size);
  return proveEntry(log, paths, take.logged.n);
}

function proveEntry({ entries }: RecordingLog, paths: LogPaths, n: number): ExcerptPart {
  const { entry, bytes } = entries[n]!;
  return { n, entry, entryBytes: bytes, path: paths.pathOf(n), segmentKey: undefined, object: undefined };
}

/** Checked as by the excerpt's reader. */
async function fetchObject(
  recording: UnlockedRecording,
  entry: SegmentEntry,
  segmentKey: Bytes,
  options: ReadOptions,
): Promise<Bytes> {
  const { store } = recording;
  // Copied: a source may go on to write to its result.
  const object = (await store.read(objectOf(recording, entry), entry.length, options)).slice();
  wipe(await openWhole(recording, entry, segmentKey.slice(), object, options));
  return object;
}

type Level = (Bytes | undefined)[];

/**
 * The known nodes of a log's tree, level by level from the leaves up: hashed once, in time linear in the log, so that each path
 * costs its own length. RFC 6962's tree is that of pairing neighbours, a last one without a neighbour going up as it is.
 */
class LogPaths {
  readonly #levels: Level[] = [];
  readonly #size: number;

  constructor({ size, peaks: signed }: OpenedManifest, entries: RecordingLog["entries"]) {
    this.#size = size;
    const peaks = [...signed];
    let level: Level = entries.map((each) => each && logLeaf(each.bytes));
    for (let height = 0; ; height++) {
      const complete = Math.floor(size / 2 ** height);
      const hasPeak = 2 ** height >= SUBTREE && complete % 2 === 1;
      const peak = hasPeak ? peaks.pop() : undefined;
      // Signed: known also where pages below are missing.
      if (hasPeak) level[complete - 1] ??= peak;
      this.#levels.push(level);
      if (level.length <= 1) break;
      level = pairs(level);
    }
  }

  /** False where pages contradict their manifest. */
  hasRoot(root: Bytes): boolean {
    const top = this.#levels.at(-1)![0];
    return top === undefined || isSameHash(top, root);
  }

  /** RFC 6962 §2.1.1, from the leaf upwards. @throws BlindreelError `truncated` where a page it needs is missing. */
  pathOf(n: number): Bytes[] {
    const path: Bytes[] = [];
    this.#levels.forEach((level, height) => {
      const place = Math.floor(n / 2 ** height);
      const neighbour = place % 2 === 0 ? place + 1 : place - 1;
      if (neighbour >= level.length) return;
      const hash = level[neighbour];
      if (!hash) throw truncated("the log, of which a page is missing that this needs,", this.#size);
      path.push(hash);
    });
    return path;
  }
}

function pairs(level: Level): Level {
  return Array.from({ length: Math.ceil(level.length / 2) }, (_, i) => {
    const [left, right] = [level[2 * i], level[2 * i + 1]];
    return 2 * i + 1 === level.length ? left : left && right && nodeHash(left, right);
  });
}
