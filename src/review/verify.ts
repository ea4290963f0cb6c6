import { ManifestState } from "../log/statement.js";
import { dateOf } from "../log/text.js";
import { type OperationOptions, progressReporter } from "../stream/operation.js";
import { type Behind, readBehind } from "./behind.js";
import { checkSegment } from "./check-segment.js";
import { describeLosses, gapsOf } from "./gaps.js";
import { type SegmentLayout, takeTime } from "./layout.js";
import { eachInFlight } from "./pool.js";
import { asRefused } from "./read-log.js";
import type { OpenedReview } from "./review.js";
import { findUncovered, mayBeListed } from "./uncovered.js";
import { type Finding, type SegmentVerdict, stateOf, type Verdict } from "./verdict.js";

/** Objects that are on their way at the same time, and bytes of them together. */
const LANES = 8;
const BUDGET = 32 * 2 ** 20;

/** What {@link verifyRecording} found of each segment that the log lists. */
export type SegmentVerdicts = ReadonlyMap<SegmentLayout, SegmentVerdict>;

/**
 * Compares everything that is stored with everything that was signed. Trouble with a source, or with the platform, is thrown
 * and no verdict: only an object that is not there, too short, too long or other counts.
 */
export async function verifyRecording(opened: OpenedReview, options: OperationOptions): Promise<Verdict> {
  const { context, log, origin } = opened;
  const behind = await readBehind(opened, options);
  const findings: Finding[] = log.findings.map((finding) => asRefused(finding, behind.refusedPages));
  const listed: SegmentLayout[] = [];
  for (const { takes } of log.tracks)
    for (const { segments } of takes) for (const each of segments) listed.push(each);
  const total = listed.reduce((sum, { entry }) => sum + entry.length, 0);
  const progress = progressReporter(options.onProgress, total);
  const verdicts = new Map<SegmentLayout, SegmentVerdict>();
  const longer = new Set<SegmentLayout>();
  let done = 0;
  const check = async (segment: SegmentLayout): Promise<void> => {
    const { verdict, hasExcess } = await checkSegment(context, behind.refused, segment, options);
    verdicts.set(segment, verdict);
    if (hasExcess) longer.add(segment);
    done += segment.entry.length;
    progress.report(done);
  };
  await eachInFlight(listed, LANES, check, { weigh: ({ entry }) => entry.length, budget: BUDGET });
  for (const segment of listed)
    if (longer.has(segment)) findings.push({ cause: "excess-bytes", object: context.nameOf(segment.entry) });
  for (const finding of checkUnlisted(opened, behind)) findings.push(finding);
  for (const finding of behind.findings) findings.push(finding);
  const uncovered = await findUncovered(opened, behind, options);
  for (const finding of uncovered.findings) findings.push(finding);
  progress.final(total);

  const tracks = log.tracks.map(({ id, name, takes }) => ({
    id,
    name,
    takes: takes.map((take) => ({
      take: take.number,
      startedAt: dateOf(takeTime(take)),
      size: take.size,
      segments: take.segments.map((segment) => verdicts.get(segment)!),
    })),
  }));
  const losses = [...log.losses, ...behind.losses];
  const state = stateOf({
    segments: verdicts.values(),
    findings,
    hasLosses: losses.length > 0,
    isFinal: log.head?.state === ManifestState.final,
  });
  return {
    state,
    origin,
    sequence: log.head?.sequence,
    gaps: gapsOf(log, verdicts, uncovered, behind),
    losses: describeLosses(losses),
    findings,
    tracks,
    uncovered: uncovered.verdicts,
    isListed: context.store.isListed,
    seen: {
      ...context.store.seen,
      manifests: log.manifests,
      pages: log.pages,
      segments: listed.length,
    },
  };
}

/** Stored segments that the log does not list and cannot list any more. */
function checkUnlisted({ context, log }: OpenedReview, behind: Behind): Finding[] {
  const known = new Map<number, Set<number>>();
  for (const { id, takes } of behind.tracks) {
    const indices = new Set<number>();
    for (const { segments } of takes) for (const { entry } of segments) indices.add(entry.index);
    known.set(id, indices);
  }
  return (log.names?.segments ?? [])
    .filter((place) => !known.get(place.track)?.has(place.index) && !mayBeListed(behind, place))
    .map((place) => ({ cause: "unlisted-segment", object: context.nameOf(place) }));
}
