import type { RecordingReview, ReviewTake, Verdict } from "blindreel/review";
import { usageError } from "./cli-error.js";
import { extensionOf, safeFileName } from "./file-details.js";

/** One file to write. */
export interface TakeFile {
  readonly name: string;
  readonly track: string;
  readonly take: ReviewTake;
  /** In bytes of the take's content, half-open and ascending; all authentic. */
  readonly ranges: readonly Range[];
  /** Whether something is missing of the take, or of the part of it that was asked for. */
  readonly isPartial: boolean;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

export interface Selection {
  /** Names of tracks; undefined for all. */
  readonly tracks?: readonly string[] | undefined;
  /** Half-open, by the recorder's clock. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

type TakeVerdict = Verdict["tracks"][number]["takes"][number];

/**
 * What of a verified recording is written to which files. A take without a gap is one file. One with gaps is a file for each
 * unbroken run of it: what is next to each other in a file was recorded next to each other. Where a time is asked for, whole
 * segments are taken, as in an excerpt, with the media's first in front, without which nothing plays.
 *
 * @throws BlindreelError `unknown-track`; CliError `usage` where nothing was recorded at the time.
 */
export function planTakes(review: RecordingReview, verdict: Verdict, selection: Selection): TakeFile[] {
  const { tracks = [], from, to } = selection;
  const isTimed = from !== undefined || to !== undefined;
  if (from && to && to <= from) throw usageError("--to must be later than --from");
  const ids = new Set(tracks.map((name) => review.track(name).id));
  const names = new UniqueNames();
  const stems = new Map(verdict.tracks.map(({ id, name }) => [id, names.stemOf(name, id)]));
  const files = verdict.tracks
    .filter(({ id }) => tracks.length === 0 || ids.has(id))
    .flatMap(({ id, name, takes }) => {
      const opened = review.tracks.find((track) => track.id === id)!.takes;
      return takes.flatMap((found) => {
        const take = opened.find(({ number }) => number === found.take)!;
        const about = {
          track: name,
          take,
          stem: `${stems.get(id)}-${found.take}`,
          extension: extensionOf(take.type),
          gaps: verdict.gaps.filter(
            (gap) => (gap.track ?? "") === name && (gap.take ?? found.take) === found.take,
          ),
          isEndKnown: found !== takes.at(-1) || isEndKnown(review, verdict, { id, name }),
        };
        return isTimed ? timed(about, found, { from, to, endedAt: review.endedAt }) : whole(about, found);
      });
    });
  if (isTimed && files.length === 0) {
    throw usageError("nothing was recorded between --from and --to, or nothing of it is authentic");
  }
  return files;
}

/** Whether the last take of a track is known to end where it does. */
function isEndKnown(
  { reason }: RecordingReview,
  { uncovered, losses }: Verdict,
  { id, name }: { readonly id: number; readonly name: string },
): boolean {
  return (
    reason !== undefined &&
    !uncovered.some(({ track }) => track === id) &&
    !losses.some(({ what, track }) => what === "undrained" && track === name)
  );
}

interface About {
  readonly track: string;
  readonly take: ReviewTake;
  /** Of the file's name. */
  readonly stem: string;
  readonly extension: string;
  readonly gaps: Verdict["gaps"];
  readonly isEndKnown: boolean;
}

function whole(about: About, { segments }: TakeVerdict): TakeFile[] {
  const { track, take, stem, extension, gaps } = about;
  const isPartial = gaps.length > 0 || take.holes.length > 0 || !about.isEndKnown;
  const unknown = gaps.map(({ bytes }) => bytes).filter(({ start, end }) => start === end);
  const breaks = [...take.holes, ...unknown.map(({ start }) => start)];
  const authentic = segments.flatMap((segment) => segment.authentic);
  const runs = runsOf(authentic, breaks);
  if (!isPartial) return [{ name: stem + extension, track, take, ranges: runs, isPartial }];
  return runs.map((run) => {
    const name = `${stem}.bytes-${run.start}-${run.end}.partial${extension}`;
    return { name, track, take, ranges: [run], isPartial };
  });
}

/** Joins ranges that meet, but not across a place where something of unknown length is missing. */
function runsOf(ranges: readonly Range[], breaks: readonly number[]): Range[] {
  const runs: Range[] = [];
  for (const { start, end } of ranges) {
    const last = runs.at(-1);
    if (last && last.end === start && !breaks.includes(start))
      runs[runs.length - 1] = { start: last.start, end };
    else if (start < end) runs.push({ start, end });
  }
  return runs;
}

function timed(
  { track, take, stem, extension, gaps, isEndKnown }: About,
  { segments }: TakeVerdict,
  { from, to, endedAt }: Pick<Selection, "from" | "to"> & { readonly endedAt: Date | undefined },
): TakeFile[] {
  const start = from?.getTime() ?? Number.NEGATIVE_INFINITY;
  const end = to?.getTime() ?? Number.POSITIVE_INFINITY;
  const overlapping = segments.filter(({ time }, i) => {
    const begins = time?.getTime() ?? start;
    const ends = (segments[i + 1]?.time ?? endedAt)?.getTime() ?? Number.POSITIVE_INFINITY;
    // One that begins and ends within a millisecond is at its beginning.
    return begins < end && (ends > start || begins >= start);
  });
  if (overlapping.length === 0) return [];
  const isMedia = take.type !== "" && overlapping[0] !== segments[0];
  const wanted = isMedia ? [segments[0]!, ...overlapping] : overlapping;
  const ranges = wanted.flatMap(({ authentic }) => authentic);
  if (ranges.length === 0) return [];
  const [first, last] = [overlapping[0]!.index, overlapping.at(-1)!.index];
  const isPartial =
    gaps.some(
      ({ segment, count = Number.POSITIVE_INFINITY }) => segment <= last && segment + count > first,
    ) ||
    wanted[0]!.state !== "authentic" ||
    (overlapping.at(-1) === segments.at(-1) && !isEndKnown);
  const suffix = `.${compact(from)}-${compact(to)}${isPartial ? ".partial" : ""}`;
  return [{ name: stem + suffix + extension, track, take, ranges: runsOf(ranges, []), isPartial }];
}

/** ISO 8601's basic form: colons are not for file names. */
function compact(date: Date | undefined): string {
  return date?.toISOString().replace(/[-:]|\.000/g, "") ?? "";
}

/** Track names are the recorder's: made fit for files, and different where file systems do not tell them apart. */
class UniqueNames {
  readonly #taken = new Set<string>();

  stemOf(name: string, id: number): string {
    let stem = safeFileName(name) ?? `track-${id}`;
    while (this.#taken.has(folded(stem))) stem += `.${id}`;
    this.#taken.add(folded(stem));
    return stem;
  }
}

function folded(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}
