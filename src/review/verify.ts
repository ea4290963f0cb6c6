import { dateOf } from "../log/fields.js";
import type { Refused } from "../log/order.js";
import type { Origin } from "../log/proof.js";
import { ManifestState } from "../log/statement.js";
import { type OperationOptions, progressReporter } from "../stream/operation.js";
import { type CheckedSegment, checkSegments } from "./check-segment.js";
import { describeLosses, gapsOf } from "./gaps.js";
import { mayBeListed, type SegmentLayout, segmentsOf, type TrackLayout, takeTime } from "./layout.js";
import { type Behind, type RecordingLog, readBehind } from "./read-log.js";
import { findUncovered } from "./uncovered.js";
import { objectOf, type UnlockedRecording } from "./unlocked-recording.js";
import { type Finding, stateOf, type TrackVerdict, type Verdict } from "./verdict.js";

/**
 * Compares everything stored with everything signed (format-v1, "Verdict"). Failures of a source or of the platform are thrown
 * and no verdict: only an object that is missing, too short, too long or other counts.
 */
export async function verifyRecording(
  recording: UnlockedRecording,
  log: RecordingLog,
  origin: Origin,
  { signal, onProgress }: OperationOptions & { readonly signal: AbortSignal },
): Promise<Verdict> {
  const options = { signal };
  const behind = await readBehind(recording, log, options);
  const { refused } = behind.layout;
  const listed = segmentsOf(log.layout);
  const total = listed.reduce((sum, { entry }) => sum + entry.length, 0);
  const progress = progressReporter(onProgress, total);
  let done = 0;
  const checked = await checkSegments(recording, refused, listed, options, (length) => {
    done += length;
    progress.report(done);
  });
  const uncovered = await findUncovered(recording, log, behind, options);
  progress.final(total);

  const findings = [
    ...log.findings.map((finding) => asRefused(finding, refused)),
    ...excessOf(listed, checked),
    ...unlistedOf(recording, log, behind),
    ...behind.findings,
    ...uncovered.findings,
  ];
  const losses = [...log.layout.losses, ...behind.losses];
  const isFinal = log.head?.state === ManifestState.final;
  const segments = [...checked.values()].map(({ verdict }) => verdict);
  const { isListed, seen } = recording.store;
  return {
    state: stateOf({ segments, findings, hasLosses: losses.length > 0, isFinal }),
    origin,
    sequence: log.head?.sequence,
    gaps: gapsOf(log, behind, checked, uncovered),
    losses: describeLosses(losses),
    findings,
    tracks: log.layout.tracks.map((track) => trackVerdict(track, checked)),
    uncovered: uncovered.segments.map(({ verdict }) => verdict),
    isListed,
    seen: { ...seen, manifests: log.manifests, pages: log.pages, segments: listed.length },
  };
}

type Checked = ReadonlyMap<SegmentLayout, CheckedSegment>;

function trackVerdict({ id, name, takes }: TrackLayout, checked: Checked): TrackVerdict {
  const verdicts = takes.map((take) => ({
    take: take.number,
    startedAt: dateOf(takeTime(take)),
    size: take.size,
    segments: take.segments.map((segment) => checked.get(segment)!.verdict),
  }));
  return { id, name, takes: verdicts };
}

function excessOf(listed: readonly SegmentLayout[], checked: Checked): Finding[] {
  return listed
    .map((segment) => checked.get(segment)!)
    .filter(({ hasExcess }) => hasExcess)
    .map(({ verdict }) => ({ cause: "excess-bytes", object: verdict.object }));
}

/** Stored segments without an entry, and without a place for one. */
function unlistedOf(recording: UnlockedRecording, { names }: RecordingLog, { layout }: Behind): Finding[] {
  const known = new Set(segmentsOf(layout).map(({ entry }) => objectOf(recording, entry)));
  return (names?.segments ?? [])
    .filter((place) => !mayBeListed(layout, place))
    .map((place): Finding => ({ cause: "unlisted-segment", object: objectOf(recording, place) }))
    .filter(({ object }) => !known.has(object!));
}

/** A missing page that a lost entry names is refused. */
function asRefused(finding: Finding, refused: Refused): Finding {
  if (finding.cause !== "missing-page") return finding;
  const number = Number.parseInt(finding.object!.slice(-8), 16);
  return refused.hasPage(number) ? { ...finding, cause: "refused-page" } : finding;
}
