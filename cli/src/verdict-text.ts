import type { Finding, Gap, LossReport, RecordingReview, RecordingState, Verdict } from "blindreel/review";
import { CliError } from "./cli-error.js";
import { meaningOf } from "./exit-codes.js";
import { byteCount, columns, isoDate } from "./text.js";

const COMPLETE = "the recorder closed it, lost nothing, and all of it is there as it was signed";

function meaningOfState(state: RecordingState): string {
  return state === "complete" ? COMPLETE : meaningOf(`verdict-${state}`);
}

/** The verdict as an exit code. @throws CliError for every state but complete. */
export function checkComplete(where: string, { state }: Verdict): void {
  if (state !== "complete") throw new CliError(`verdict-${state}`, `${where}: ${meaningOfState(state)}`);
}

/** Undefined becomes null: absent values are shown. */
export function verdictJson(
  where: string,
  review: RecordingReview,
  verdict: Verdict,
): Record<string, unknown> {
  const { recordingId, coreHash, policy, epoch, metadata, startedAt, endedAt, reason } = review;
  const { expiresAt, region, institution } = policy;
  const all = { recording: where, recordingId, coreHash, ...verdict, startedAt, endedAt, reason };
  const rest = { expiresAt, region, institution, epoch, metadata };
  return JSON.parse(JSON.stringify({ ...all, ...rest }, (_key, value: unknown) => value ?? null));
}

export function verdictLines(where: string, review: RecordingReview, verdict: Verdict): string[] {
  const { state, origin, sequence, gaps, losses, findings, tracks, uncovered, isListed } = verdict;
  return [
    `${where}: ${state}, ${origin}`,
    meaningOfState(state),
    ...(origin === "unpinned"
      ? ["It is consistent in itself; whether it is the one that was announced shows only with --expected."]
      : []),
    ...columns([
      ["recording id", review.recordingId],
      ["core hash", review.coreHash],
      ["started", isoDate(review.startedAt) ?? "not known"],
      [
        "ended",
        `${isoDate(review.endedAt) ?? "not known"}${review.reason === undefined ? "" : ` (${review.reason})`}`,
      ],
      ["manifest", sequence === undefined ? "none" : String(sequence)],
      ["objects listed", isListed ? "yes" : "no: what nobody signed is not seen"],
    ]),
    ...section("tracks", tracks.flatMap(trackLines)),
    ...section("gaps", gaps.map(gapLine)),
    ...section("losses, as the recorder says", losses.map(lossLine)),
    ...section("findings", findings.map(findingLine)),
    ...(uncovered.length > 0
      ? [`${uncovered.length} stored segments are behind what was signed: the keys vouch for them alone.`]
      : []),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? [`${title}:`, ...lines.map((line) => `  ${line}`)] : [];
}

function trackLines({ id, name, takes }: Verdict["tracks"][number]): string[] {
  return takes.map(({ take, startedAt, size, segments }) => {
    const authentic = segments.filter(({ state }) => state === "authentic").length;
    const count = authentic === segments.length ? `${authentic}` : `${authentic} of ${segments.length}`;
    return `${name || `track ${id}`}, take ${take}: ${startedAt.toISOString()}, ${byteCount(size)}, ${count} segments authentic`;
  });
}

function gapLine({ track, take, segment, count, cause, bytes, time }: Gap): string {
  const place = [track ?? "a track without a name", ...(take === undefined ? [] : [`take ${take}`])].join(
    ", ",
  );
  const many =
    count === undefined
      ? `segments from ${segment} on`
      : count === 1
        ? `segment ${segment}`
        : `segments ${segment} to ${segment + count - 1}`;
  const size = bytes.end > bytes.start ? `bytes ${bytes.start}-${bytes.end}` : "of unknown length";
  const when = time ? `, ${time.from.toISOString()} to ${isoDate(time.to) ?? "an unknown time"}` : "";
  return `${place}: ${many} ${cause}, ${size}${when}`;
}

function lossLine({ what, cause, track, first, count, time }: LossReport): string {
  const which = count === 0 ? "" : count === 1 ? ` ${first}` : ` ${first} to ${first + count - 1}`;
  return `${track === undefined ? "" : `${track}: `}${what}${which}, because of ${cause}, ${time.toISOString()}`;
}

function findingLine({ cause, object, code, entry, rule }: Finding): string {
  const details = [object, code, entry === undefined ? undefined : `entry ${entry}`, rule];
  return [cause, ...details.filter((detail) => detail !== undefined)].join(", ");
}
