import { BlindreelError } from "../errors.js";
import type { MediaContent, MediaTake } from "./content.js";

/** Why nothing is shown of a span of time. */
export type PlayerGapCause =
  /** It is not stored, or its end is not, or nobody knows of it. */
  | "missing"
  /** What is stored is not what was signed. */
  | "altered"
  /** No take ran. */
  | "unrecorded"
  /** The browser lacks the take's codec. */
  | "unsupported";

/** A span of time of which nothing is shown. */
export interface PlayerGap {
  readonly from: Date;
  readonly to: Date;
  readonly cause: PlayerGapCause;
}

/** A {@link MediaTake} on the timeline. */
export interface TimedTake extends MediaTake {
  /** Of its media time 0, in seconds of the timeline. */
  readonly offset: number;
  /** For the source buffer. */
  readonly mediaType: string;
  readonly initEnd: number;
  readonly isSupported: boolean;
}

/** What is fetched and buffered as one. Times are seconds of the timeline. */
export interface TimedUnit {
  readonly take: TimedTake;
  readonly time: number;
  /** Where the next one begins, which follows on in the same take; else a guess. */
  readonly end: number;
  readonly isEndKnown: boolean;
  /** Bytes of the take's content. */
  readonly start: number;
  readonly stop: number;
  readonly isKey: boolean;
}

/** Seconds of a unit whose length nothing tells. */
const TYPICAL = 2;

/** All that can be played of a track, in order. */
export class Timeline {
  /** Milliseconds since 1970. */
  readonly timeOrigin: number;
  readonly units: readonly TimedUnit[];

  /** @throws BlindreelError `unplayable` where there is nothing; `unsupported-runtime` where no take's codec is there. */
  constructor({ timeOrigin, takes }: MediaContent, isSupported: (type: string) => boolean) {
    this.timeOrigin = timeOrigin;
    const timed = takes.map((take) => timedTake(take, timeOrigin, isSupported));
    this.units = timed.flatMap(unitsOf).sort((left, right) => left.time - right.time);
    if (this.units.length === 0) {
      const [first] = timed;
      const hasContent = first !== undefined && first.segments.length === 1 && !first.index;
      if (hasContent && first.segments[0]!.size > LARGEST_INIT) throw needsIndex(first.number);
      throw new BlindreelError("unplayable", "this track has nothing to play", { reason: "empty" });
    }
    const lacking = this.units.find(({ take }) => !take.isSupported);
    if (lacking && this.units.every(({ take }) => !take.isSupported)) throw unsupportedType(lacking.take);
  }

  /** Seconds: the end of the last unit, as far as is known. */
  get end(): number {
    return this.units.at(-1)!.end;
  }

  /** Number of the last unit that begins at `time` or earlier; of the first one, where none does. */
  at(time: number): number {
    let [low, high] = [0, this.units.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.units[middle]!.time <= time + 0.0005) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Number of the last unit from which on `time` plays. */
  before(time: number): number {
    let n = this.at(time);
    while (n > 0 && !this.units[n]!.isKey && this.units[n]!.take === this.units[n - 1]!.take) n--;
    return n;
  }

  dateOf(time: number): Date {
    return new Date(this.timeOrigin + time * 1000);
  }

  timeOf(date: Date): number {
    return (date.getTime() - this.timeOrigin) / 1000;
  }
}

/** Initialisation parts are a few hundred bytes. */
const LARGEST_INIT = 64 * 1024;

function needsIndex(take: number) {
  const message = `take ${take} is one segment: play it with an index, which indexTake of blindreel/media-index makes`;
  return new BlindreelError("unplayable", message, { reason: "no-index" });
}

function unsupportedType({ mediaType, number }: TimedTake): BlindreelError {
  if (mediaType === "") {
    const message = `nothing names the media type of take ${number}: play it with an index, which indexTake of blindreel/media-index makes`;
    return new BlindreelError("unplayable", message, { reason: "no-index" });
  }
  const message = `this browser does not play ${mediaType}: open the recording in another one, or download it`;
  return new BlindreelError("unsupported-runtime", message, { operation: mediaType });
}

function timedTake(take: MediaTake, timeOrigin: number, isSupported: (type: string) => boolean): TimedTake {
  const mediaType = take.index?.type || take.type;
  return {
    ...take,
    offset: (take.startedAt - timeOrigin) / 1000,
    mediaType,
    initEnd: take.index?.initEnd ?? take.segments[0]?.size ?? 0,
    isSupported: mediaType !== "" && isSupported(mediaType),
  };
}

function unitsOf(take: TimedTake): TimedUnit[] {
  const { index, offset, segments } = take;
  if (index) {
    const { units, size, duration } = index;
    return units.map(({ time, start, isKey }, n) => {
      const next = units[n + 1];
      const end = offset + (next?.time ?? Math.max(duration, time)) / 1000;
      const place = { start, stop: next?.start ?? size, isKey };
      return { take, time: offset + time / 1000, end, isEndKnown: next !== undefined, ...place };
    });
  }
  const seconds = (time: number): number => offset + (time - take.startedAt) / 1000;
  return segments.slice(1).map((segment, n) => {
    const next = segments[n + 2];
    const isEndKnown = next?.index === segment.index + 1;
    const time = seconds(segment.time);
    const end = isEndKnown ? seconds(next!.time) : time + Math.max(segment.lastPoint / 1000, TYPICAL);
    const { start, size } = segment;
    return { take, time, end, isEndKnown, start, stop: start + size, isKey: true };
  });
}
