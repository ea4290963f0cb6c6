import { nameOf } from "../formats/constants.js";
import { Loss, LossCause, SegmentEnd } from "../log/entry.js";
import { dateOf } from "../log/fields.js";
import type { CheckedSegment } from "./check-segment.js";
import {
  type LaidOutLoss,
  lowerBound,
  type SegmentLayout,
  segmentEndTime,
  segmentsOf,
  type TrackLayout,
  takeTime,
  trackName,
} from "./layout.js";
import type { Behind, RecordingLog } from "./read-log.js";
import type { FoundUncovered } from "./uncovered.js";
import type { ByteRange, Gap, GapCause, LossReport, SegmentVerdict, TimeRange } from "./verdict.js";

/**
 * Everything missing of a recording's content, track by track and in order, then everything missing behind an open manifest; in
 * time linear in the log.
 */
export function gapsOf(
  { layout }: RecordingLog,
  behind: Behind,
  checked: ReadonlyMap<SegmentLayout, CheckedSegment>,
  uncovered: FoundUncovered,
): Gap[] {
  const isUnsealed = ({ entry }: LaidOutLoss) => entry.what === Loss.unsealed;
  const lostBehind = behind.losses.filter(isUnsealed);
  const spent: Spent[] = [
    ...lostBehind.map(({ entry, track }) => ({ ...entry, name: trackName(track) })),
    ...behind.segments.map(({ entry, take }) => {
      return { track: entry.track, name: trackName(take.track), first: entry.index, count: 1 };
    }),
    ...uncovered.segments.map(({ verdict }) => ({ ...verdict, first: verdict.index, count: 1 })),
  ];
  return [
    ...segmentsOf(layout).flatMap((segment) => segmentGaps(segment, checked.get(segment)!.verdict)),
    ...layout.losses.filter(isUnsealed).map(lostIndices),
    ...layout.tracks.flatMap(unlistedRanges),
    ...behind.segments.flatMap((segment) => segmentGaps(segment, uncovered.listed.get(segment)!.verdict)),
    ...lostBehind.map(lostIndices),
    ...holesBehind(layout.tracks, spent),
  ];
}

const NOWHERE = { take: undefined, bytes: { start: 0, end: 0 }, time: undefined };

function segmentGaps(segment: SegmentLayout, { state, content, authentic }: SegmentVerdict): Gap[] {
  const { entry, take } = segment;
  const gap = (cause: GapCause, bytes: ByteRange): Gap => ({
    track: trackName(take.track),
    take: take.number,
    segment: entry.index,
    count: 1,
    cause,
    bytes,
    time: timeOf(segment, bytes),
  });
  const gaps: Gap[] = [];
  if (state !== "authentic") {
    const missing = rangesOutside(content, authentic);
    for (const range of missing.length > 0 ? missing : [content]) gaps.push(gap(state, range));
  }
  if (entry.end === SegmentEnd.cut) gaps.push(gap("cut", { start: content.end, end: content.end }));
  return gaps;
}

function lostIndices({ entry, track, take, at }: LaidOutLoss): Gap {
  const { first, count, time } = entry;
  const before = take?.segments[lowerBound(take.segments, (each) => each.entry.index >= first) - 1];
  return {
    track: trackName(track),
    take: take?.number,
    segment: first,
    count,
    cause: "lost",
    bytes: { start: at, end: at },
    time: take && { from: dateOf(before?.entry.time ?? takeTime(take)), to: dateOf(time) },
  };
}

/** Indices that missing pages may list. */
function unlistedRanges(track: TrackLayout): Gap[] {
  return track.open
    .filter(({ isMissing }) => isMissing)
    .map(({ start, end }) => {
      const count = end === Number.POSITIVE_INFINITY ? undefined : end - start;
      return { ...NOWHERE, track: trackName(track), segment: start, count, cause: "unlisted" };
    });
}

/** Indices of a track with a stored segment or an entry. */
interface Spent {
  readonly track: number;
  readonly name: string | undefined;
  readonly first: number;
  readonly count: number;
}

/** Indices between the log's last and those behind an open manifest, and between the latter. */
function holesBehind(tracks: readonly TrackLayout[], spent: Spent[]): Gap[] {
  const gaps: Gap[] = [];
  const next = new Map<number, number>();
  for (const { id, open } of tracks) {
    const last = open.at(-1);
    const isOpen = last?.end === Number.POSITIVE_INFINITY;
    next.set(id, isOpen ? last.start : Number.POSITIVE_INFINITY);
  }
  spent.sort((left, right) => left.track - right.track || left.first - right.first);
  for (const { track, name, first, count } of spent) {
    const expected = next.get(track) ?? 0;
    if (first > expected)
      gaps.push({ ...NOWHERE, track: name, segment: expected, count: first - expected, cause: "missing" });
    if (first >= expected) next.set(track, first + count);
  }
  return gaps;
}

/** The parts of `whole` outside `ranges`, which ascend. */
function rangesOutside(whole: ByteRange, ranges: readonly ByteRange[]): ByteRange[] {
  const outside: ByteRange[] = [];
  let position = whole.start;
  for (const { start, end } of ranges) {
    if (start > position) outside.push({ start: position, end: start });
    position = Math.max(position, end);
  }
  if (position < whole.end) outside.push({ start: position, end: whole.end });
  return outside;
}

/** The time of a range of a segment's content, as closely as its entry and points say. */
function timeOf(segment: SegmentLayout, { start, end }: ByteRange): TimeRange {
  const { entry, start: segmentStart } = segment;
  let from = entry.time;
  let to = segmentEndTime(segment);
  for (const { time, byte } of entry.points) {
    if (segmentStart + byte <= start) from = entry.time + time;
    if (segmentStart + byte >= end && end > start) {
      to = entry.time + time;
      break;
    }
  }
  return { from: dateOf(from), to: to === undefined ? undefined : dateOf(to) };
}

export function describeLosses(losses: readonly LaidOutLoss[]): LossReport[] {
  return losses.map(({ entry, track }) => ({
    what: nameOf(Loss, entry.what)!,
    cause: nameOf(LossCause, entry.cause)!,
    track: trackName(track),
    first: entry.first,
    count: entry.count,
    time: dateOf(entry.time),
  }));
}
