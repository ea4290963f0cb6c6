import type { OpenedExcerpt, RecordingReview, ReviewTake, ReviewTrack } from "blindreel/review";

/** A line of a text track: chat, an answer, an event. */
export interface Line {
  readonly track: string;
  /** Milliseconds since 1970, by the recorder's clock. */
  readonly time: number;
  readonly text: string;
  /** Something that software or a person at the exam pointed at. What it means is for reviewers to say. */
  readonly isFlag: boolean;
  /** Whether it stands for content that is missing. */
  readonly isMissing: boolean;
}

const LONGEST_TAKE = 2 ** 24;
const TEXT = /^$|^text\/|json/;
const MEDIA = /^(video|audio)\//;

const everyTakeIs = ({ takes }: ReviewTrack, pattern: RegExp): boolean =>
  takes.length > 0 && takes.every(({ type }) => pattern.test(type));

export const isText = (type: string): boolean => TEXT.test(type);

export const isMedia = (track: ReviewTrack): boolean => everyTakeIs(track, MEDIA);

/** All lines of the recording's text tracks, by time. Missing content is a line that says so. */
export async function readLines(
  review: RecordingReview,
  flags: readonly string[],
  signal: AbortSignal,
): Promise<Line[]> {
  const lines: Line[] = [];
  for (const track of review.tracks) {
    if (!everyTakeIs(track, TEXT)) continue;
    for (const take of track.takes) lines.push(...(await linesOf(track.name, take, flags, signal)));
  }
  return lines.sort((one, other) => one.time - other.time);
}

async function linesOf(
  track: string,
  take: ReviewTake,
  flags: readonly string[],
  signal: AbortSignal,
): Promise<Line[]> {
  const source = take.source();
  const start = take.startedAt.getTime();
  const size = Math.min(take.size, LONGEST_TAKE);
  const parse = (bytes: Uint8Array, byte: number): Line[] =>
    piecesOf(new TextDecoder().decode(bytes)).map(({ text, offset }) =>
      lineOf(text, { track, flags, time: start + timeAt(take, byte + offset) }),
    );
  try {
    return parse(await source.read(0, size, { signal }), 0);
  } catch {
    signal.throwIfAborted();
    // Around what is missing: points stand where something was written, so at the beginning of a line.
    const borders = [...new Set([0, ...take.points.map(({ byte }) => byte), size])].sort((a, b) => a - b);
    const found: Line[] = [];
    for (const [i, end] of borders.slice(1).entries()) {
      const from = borders[i]!;
      const missing: Line = {
        track,
        time: start + timeAt(take, from),
        text: "",
        isFlag: false,
        isMissing: true,
      };
      const lines = await source
        .read(from, end, { signal })
        .then((bytes) => parse(bytes, from))
        .catch(() => [missing]);
      signal.throwIfAborted();
      if (!(lines[0]?.isMissing && found.at(-1)?.isMissing)) found.push(...lines);
    }
    return found;
  } finally {
    await source.close();
  }
}

/** Of an excerpt of a text track. @throws BlindreelError as the segments' `read`. */
export async function linesOfExcerpt({ track, segments }: OpenedExcerpt): Promise<Line[]> {
  const lines: Line[] = [];
  for (const segment of segments) {
    const start = segment.time.getTime();
    for (const { text, offset } of piecesOf(new TextDecoder().decode(await segment.read())))
      lines.push(lineOf(text, { track, flags: [], time: start + timeAt(segment, offset) }));
  }
  return lines;
}

/** Milliseconds since the beginning, as closely as its points say. */
function timeAt({ points }: Pick<ReviewTake, "points">, byte: number): number {
  return points.findLast((point) => point.byte <= byte)?.time ?? 0;
}

/** Lines that are not empty, each with its first byte. */
export function piecesOf(text: string): { readonly text: string; readonly offset: number }[] {
  let offset = 0;
  const lines = text.split("\n").map((line) => {
    const at = offset;
    offset += new TextEncoder().encode(line).length + 1;
    return { text: line.trim(), offset: at };
  });
  return lines.filter((line) => line.text !== "");
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

interface Context {
  readonly track: string;
  readonly flags: readonly string[];
  readonly time: number;
}

/** `{"at" or "time", "type", "text", "flag"}`, each optional, others shown as they are; or plain text. */
export function lineOf(line: string, { track, flags, time }: Context): Line {
  const { at, time: stated = at, flag, ...rest } = parsed(line) ?? { text: line };
  const told =
    typeof stated === "string" || typeof stated === "number" ? new Date(stated).getTime() : Number.NaN;
  const { type, text, ...others } = rest;
  const more = Object.entries(others).map(([name, value]) => `${name}: ${shown(value)}`);
  const words = [type, text].filter((each) => each !== undefined).map(shown);
  return {
    track,
    time: Number.isNaN(told) ? time : told,
    text: [words.join(": "), ...more].filter(Boolean).join(", "),
    isFlag: flag === true || (flags.includes(track) && flag !== false),
    isMissing: false,
  };
}

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
