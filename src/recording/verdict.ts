import type { ErrorCode } from "../errors.js";
import type { TakeLayout } from "./layout.js";

/**
 * - `complete`: closed by its recorder, and all of it is there, as it was signed.
 * - `unfinished`: nothing says that it was closed; what is signed is there.
 * - `truncated`: something that was signed is missing.
 * - `altered`: something is other than it was signed, or too much.
 */
export type RecordingState = "complete" | "unfinished" | "truncated" | "altered";

/** Whether this is the recording announced by another way, or only one that is consistent in itself. */
export type Origin = "pinned" | "unpinned";

/** What {@link RecordingReview.verify} found. */
export interface Verdict {
  readonly state: RecordingState;
  readonly origin: Origin;
  /** What is missing or not to be believed, by track, take and place. */
  readonly gaps: readonly Gap[];
  /** Every track, take and segment that was signed. */
  readonly tracks: readonly TrackVerdict[];
  /** What is wrong with the recording as a whole. */
  readonly findings: readonly Finding[];
  /** Whether stored objects were listed, so that segments which nobody signed would have been seen. */
  readonly isListed: boolean;
}

export interface TrackVerdict {
  readonly id: number;
  readonly name: string;
  readonly takes: readonly TakeVerdict[];
}

export interface TakeVerdict {
  readonly startedAt: Date;
  /** Bytes of content that were signed. */
  readonly size: number;
  readonly segments: readonly SegmentVerdict[];
}

/** Half-open, in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface SegmentVerdict {
  readonly index: number;
  /** Name of the stored object. */
  readonly object: string;
  /** `cut`: a crash took its end. What was signed of it can still be all there. */
  readonly end: "final" | "cut";
  readonly state: "authentic" | "missing" | "truncated" | "altered";
  /** Where its content is in the take's. */
  readonly content: ByteRange;
  /** What of it is authentic, in the take's content. */
  readonly authentic: readonly ByteRange[];
}

/**
 * Why something is not there:
 *
 * - `missing`: the object is not stored. `truncated`: it ends too early. `altered`: it is not what was signed.
 * - `interrupted`: a crash cut the take; what the recorder had not handed over by then is nowhere.
 * - `undrained`: the recorder closed the recording while the track had more to come.
 * - `unsigned`: content is stored beyond what the newest manifest, a checkpoint, speaks of.
 */
export type GapCause = "missing" | "truncated" | "altered" | "interrupted" | "undrained" | "unsigned";

/** A place where content is missing or not to be believed. */
export interface Gap {
  /** Undefined for a track that the newest manifest, a checkpoint, does not know yet. */
  readonly track: string | undefined;
  /** Counts the track's takes from 0. */
  readonly take: number;
  /** Index of the segment. */
  readonly segment: number | undefined;
  readonly cause: GapCause;
  /** In the take's content; empty where nobody knows how much is missing. */
  readonly bytes: ByteRange;
  /** By the media index and the takes' beginnings; undefined where they do not say. */
  readonly time: TimeRange | undefined;
}

export interface TimeRange {
  readonly from: Date;
  /** Undefined where it lasts to the take's end, whenever that was. */
  readonly to: Date | undefined;
}

/**
 * - `no-sender`: the core names no key that could sign. `no-manifest`: nothing signed was given.
 * - `invalid-manifest`: a stored manifest does not open, and is left out; `code` says why.
 * - `two-finals`: the recording was closed twice, differently. `conflicting-manifests`: two with one sequence.
 *   `after-final`: a checkpoint was signed after the end.
 * - `unlisted-segment`: a stored segment that the final manifest does not know.
 * - `excess-bytes`: an object is longer than was signed.
 */
export type FindingCause =
  | "no-sender"
  | "no-manifest"
  | "invalid-manifest"
  | "two-finals"
  | "conflicting-manifests"
  | "after-final"
  | "unlisted-segment"
  | "excess-bytes";

export interface Finding {
  readonly cause: FindingCause;
  /** Name of the stored object, where it is about one. */
  readonly object?: string;
  readonly code?: ErrorCode;
}

/** Findings of which one is enough for `altered`. */
const ALTERING: readonly FindingCause[] = [
  "two-finals",
  "conflicting-manifests",
  "after-final",
  "unlisted-segment",
  "excess-bytes",
];

/** The worst of what was found decides. */
export function stateOf(
  segments: readonly SegmentVerdict[],
  findings: readonly Finding[],
  isFinal: boolean,
): RecordingState {
  const has = (...states: SegmentVerdict["state"][]) => segments.some(({ state }) => states.includes(state));
  if (has("altered") || findings.some(({ cause }) => ALTERING.includes(cause))) return "altered";
  if (has("missing", "truncated")) return "truncated";
  return isFinal ? "complete" : "unfinished";
}

/** The parts of `whole` that are in none of `ranges`, which ascend. */
export function rangesOutside(whole: ByteRange, ranges: readonly ByteRange[]): ByteRange[] {
  const outside: ByteRange[] = [];
  let position = whole.start;
  for (const { start, end } of ranges) {
    if (start > position) outside.push({ start: position, end: start });
    position = Math.max(position, end);
  }
  if (position < whole.end) outside.push({ start: position, end: whole.end });
  return outside;
}

/** When a range of a take's content was recorded, as closely as its media index says. */
export function timeOf(
  { take, size }: TakeLayout,
  { start, end }: ByteRange,
  takeEnd?: Date,
): TimeRange | undefined {
  if (take.points.length === 0) return undefined;
  const at = (milliseconds: number) => new Date(take.startedAt + milliseconds);
  const next = take.points.findIndex(({ byte }) => byte > start);
  const before = take.points[next < 0 ? take.points.length - 1 : next - 1];
  const after = end < size ? take.points.find(({ byte }) => byte >= end) : undefined;
  return { from: at(before?.time ?? 0), to: after ? at(after.time) : takeEnd };
}
