import { Loss, LossCause, SegmentEnd } from "../log/entry.js";
import { dateOf } from "../log/text.js";
import type { Behind } from "./behind.js";
import { type LaidOutLoss, type SegmentLayout, segmentEndTime, type TakeLayout, takeTime } from "./layout.js";
import type { OpenedReview } from "./review.js";
import type { FoundUncovered } from "./uncovered.js";
import type {
  ByteRange,
  Gap,
  GapCause,
  LossReport,
  SegmentVerdict,
  TimeRange,
  UncoveredVerdict,
} from "./verdict.js";

/**
 * Everything that is missing of a recording's content, track by track and in order, then what is missing behind an open
 * manifest; in time linear in the log.
 */
export function gapsOf(
  log: OpenedReview["log"],
  verdicts: ReadonlyMap<SegmentLayout, SegmentVerdict>,
  uncovered: Pick<FoundUncovered, "listed" | "verdicts">,
  behind: Behind,
): Gap[] {
  const gaps: Gap[] = [];
  for (const { takes } of log.tracks)
    for (const { segments } of takes)
      for (const segment of segments) addSegment(gaps, segment, verdicts.get(segment)!);
  for (const loss of log.losses) {
    if (loss.entry.what === Loss.unsealed) gaps.push(lostIndices(loss));
  }
  for (const { name, open } of log.tracks) {
    for (const { start, end, isMissing } of open) {
      const count = end === Number.POSITIVE_INFINITY ? undefined : end - start;
      if (isMissing)
        gaps.push({ ...NOWHERE, track: name || undefined, segment: start, count, cause: "unlisted" });
    }
  }
  for (const segment of behind.segments) addSegment(gaps, segment, uncovered.listed.get(segment)!);
  const lost = behind.losses.filter(({ entry }) => entry.what === Loss.unsealed);
  for (const loss of lost) gaps.push(lostIndices(loss));
  const spent: Spent[] = [
    ...lost.map(({ entry, track }) => ({ ...entry, name: track?.name || undefined })),
    ...behind.segments.map(({ entry, take }) => spentBy(entry, take.track.name || undefined)),
    ...uncovered.verdicts.map((each) => spentBy(each, each.name)),
  ];
  addUncoveredHoles(gaps, log, spent);
  return gaps;
}

const NOWHERE = { take: undefined, bytes: { start: 0, end: 0 }, time: undefined };

function addSegment(
  gaps: Gap[],
  segment: SegmentLayout,
  { state, content, authentic }: SegmentVerdict,
): void {
  const { entry, take } = segment;
  const add = (cause: GapCause, bytes: ByteRange): void => {
    gaps.push({
      track: take.track.name || undefined,
      take: take.number,
      segment: entry.index,
      count: 1,
      cause,
      bytes,
      time: timeOf(segment, bytes),
    });
  };
  if (state !== "authentic") {
    const missing = rangesOutside(content, authentic);
    for (const range of missing.length > 0 ? missing : [content]) add(state, range);
  }
  if (entry.end === SegmentEnd.cut) add("cut", { start: content.end, end: content.end });
}

function lostIndices({ entry, track, take, at }: LaidOutLoss): Gap {
  return {
    track: track?.name || undefined,
    take: take?.number,
    segment: entry.first,
    count: entry.count,
    cause: "lost",
    bytes: { start: at, end: at },
    time: take && { from: lastTime(take, entry.first) ?? dateOf(takeTime(take)), to: dateOf(entry.time) },
  };
}

/** When the segment before a lost one began. */
function lastTime({ segments }: TakeLayout, index: number): Date | undefined {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (segments[middle]!.entry.index < index) low = middle + 1;
    else high = middle;
  }
  const before = segments[low - 1];
  return before && dateOf(before.entry.time);
}

/** Indices of which something is known: a stored segment, an entry. */
interface Spent {
  readonly track: number;
  readonly name: string | undefined;
  readonly first: number;
  readonly count: number;
}

function spentBy(
  { track, index }: Pick<UncoveredVerdict, "track" | "index">,
  name: string | undefined,
): Spent {
  return { track, name, first: index, count: 1 };
}

/** Indices between what is listed and what lies behind an open manifest, and between what lies there. */
function addUncoveredHoles(gaps: Gap[], log: OpenedReview["log"], spent: Spent[]): void {
  const next = new Map<number, number>();
  for (const { id, open } of log.tracks) {
    const last = open.at(-1);
    if (last?.end === Number.POSITIVE_INFINITY) next.set(id, last.start);
  }
  spent.sort((left, right) => left.track - right.track || left.first - right.first);
  for (const { track, name, first, count } of spent) {
    const expected = next.get(track) ?? (log.tracksById.has(track) ? Number.POSITIVE_INFINITY : 0);
    if (first > expected)
      gaps.push({ ...NOWHERE, track: name, segment: expected, count: first - expected, cause: "missing" });
    if (first >= expected) next.set(track, first + count);
  }
}

/** The parts of `whole` that are in none of `ranges`, which ascend. */
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

/** When a range of a segment's content was recorded, as closely as its time and points say. */
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

const WHATS: Readonly<Record<Loss, LossReport["what"]>> = {
  [Loss.unsealed]: "unsealed",
  [Loss.segment]: "segment",
  [Loss.page]: "page",
  [Loss.undrained]: "undrained",
  [Loss.silent]: "silent",
};

const CAUSES: Readonly<Record<LossCause, LossReport["cause"]>> = {
  [LossCause.crash]: "crash",
  [LossCause.deadline]: "deadline",
  [LossCause.source]: "source",
  [LossCause.server]: "server",
  [LossCause.silence]: "silence",
  [LossCause.storage]: "storage",
  [LossCause.overflow]: "overflow",
};

export function describeLosses(losses: readonly LaidOutLoss[]): LossReport[] {
  return losses.map(({ entry, track }) => ({
    what: WHATS[entry.what],
    cause: CAUSES[entry.cause],
    track: track?.name || undefined,
    first: entry.first,
    count: entry.count,
    time: dateOf(entry.time),
  }));
}
