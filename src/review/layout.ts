import {
  type Entry,
  EntryKind,
  type LoggedEntry,
  Loss,
  type LostEntry,
  type SegmentEntry,
  type TakeEntry,
} from "../log/entry.js";
import { LogOrder, type Refused } from "../log/order.js";
import { breather } from "../stream/operation.js";
import type { SegmentPlace } from "./unlocked-recording.js";
import type { Finding } from "./verdict.js";

/** The content of a recording by its log alone: seeking in a take opens nothing. */
export interface LogLayout {
  /** By id. */
  readonly tracks: readonly TrackLayout[];
  readonly tracksById: ReadonlyMap<number, TrackLayout>;
  readonly losses: readonly LaidOutLoss[];
  readonly refused: Refused;
  /** Whether segments of unknown tracks may be stored. */
  readonly mayHaveMore: boolean;
  /** Broken rules. */
  readonly findings: readonly Finding[];
}

export interface TrackLayout {
  readonly id: number;
  /** Empty while no known entry names it. */
  name: string;
  readonly takes: TakeLayout[];
  /** Indices without a known entry that may have one; ascending. */
  readonly open: OpenRange[];
}

export interface OpenRange {
  readonly start: number;
  /** Infinity for the last. */
  readonly end: number;
  /** Whether a missing page may list them; else they may follow behind an open log. */
  readonly isMissing: boolean;
}

export interface TakeLayout {
  readonly track: TrackLayout;
  readonly number: number;
  /** Among the known ones of its track. */
  readonly ordinal: number;
  /** Undefined where its page is missing. */
  readonly logged: { readonly n: number; readonly entry: TakeEntry } | undefined;
  readonly segments: SegmentLayout[];
  /** Bytes of content. */
  size: number;
  /** Bytes of the content before which segments of unknown length are missing; ascending. */
  readonly holes: number[];
}

export interface SegmentLayout {
  /** Place of its entry in the log. */
  readonly n: number;
  readonly entry: SegmentEntry;
  readonly take: TakeLayout;
  /** Among the known ones of its take. */
  readonly ordinal: number;
  /** Start of its content in the take's. */
  readonly start: number;
}

/** A lost entry, and its place in its track's content. */
export interface LaidOutLoss {
  readonly n: number;
  readonly entry: LostEntry;
  readonly track: TrackLayout | undefined;
  readonly take: TakeLayout | undefined;
  readonly at: number;
}

/** Undefined where no known entry names it. */
export function trackName(track: TrackLayout | undefined): string | undefined {
  return track?.name || undefined;
}

/** The beginning of a take, or of its first known segment, in milliseconds. */
export function takeTime({ logged, segments }: TakeLayout): number {
  return logged?.entry.time ?? segments[0]?.entry.time ?? 0;
}

/** The beginning of the next segment or take, in milliseconds; undefined for the last of a track. */
export function segmentEndTime({ take, ordinal }: SegmentLayout): number | undefined {
  const next = take.segments[ordinal + 1];
  if (next) return next.entry.time;
  const nextTake = take.track.takes[take.ordinal + 1];
  return nextTake && takeTime(nextTake);
}

/** All segments, by track and in order. */
export function segmentsOf({ tracks }: LogLayout): SegmentLayout[] {
  return tracks.flatMap(({ takes }) => takes.flatMap(({ segments }) => segments));
}

/** Whether a missing entry, or one behind an open log, may list a segment. */
export function mayBeListed({ tracksById, mayHaveMore }: LogLayout, { track, index }: SegmentPlace): boolean {
  const known = tracksById.get(track);
  if (!known) return mayHaveMore;
  const next = known.open[lowerBound(known.open, ({ end }) => end > index)];
  return next !== undefined && next.start <= index;
}

/** The first place from which on `isBehind` holds, by bisection. */
export function lowerBound<T>(items: readonly T[], isBehind: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBehind(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Lays out a log and checks the order of its entries, in time linear in their number. An entry that breaks a rule is left out as
 * if unknown.
 *
 * @param entries by place; undefined where unknown. @param isOpen whether entries may follow.
 */
export async function layOutLog(
  entries: readonly (LoggedEntry | undefined)[],
  isOpen: boolean,
): Promise<LogLayout> {
  const builder = new LayoutBuilder();
  const breathe = breather();
  for (let n = 0; n < entries.length; n++) {
    const logged = entries[n];
    if (logged) builder.add(n, logged.entry);
    else builder.gap();
    await breathe();
  }
  return builder.finish(isOpen);
}

interface TrackProgress extends TrackLayout {
  /** Index behind the last listed or lost one. */
  next: number;
  /** Gaps of the log before the entry of that. */
  gaps: number;
}

class LayoutBuilder {
  readonly #order = new LogOrder();
  readonly #tracks = new Map<number, TrackProgress>();
  readonly #losses: LaidOutLoss[] = [];
  readonly #findings: Finding[] = [];
  #gaps = 0;

  gap(): void {
    this.#order.gap();
    this.#gaps++;
  }

  add(n: number, entry: Entry): void {
    const rule = this.#order.add(n, entry);
    if (rule !== undefined) {
      this.#findings.push({ cause: "broken-rule", entry: n, rule });
      this.gap();
    } else if (entry.kind === EntryKind.take) this.#take(n, entry);
    else if (entry.kind === EntryKind.segment) this.#segment(n, entry);
    else this.#lost(n, entry);
  }

  finish(isOpen: boolean): LogLayout {
    for (const track of this.#tracks.values()) {
      const isMissing = track.gaps < this.#gaps;
      if (isOpen || isMissing)
        track.open.push({ start: track.next, end: Number.POSITIVE_INFINITY, isMissing });
    }
    return {
      tracks: [...this.#tracks.values()].sort((left, right) => left.id - right.id),
      tracksById: this.#tracks,
      losses: this.#losses,
      refused: this.#order.refused,
      mayHaveMore: isOpen || this.#gaps > 0,
      findings: this.#findings,
    };
  }

  #track(id: number): TrackProgress {
    let track = this.#tracks.get(id);
    if (!track) {
      track = { id, name: "", takes: [], open: [], next: 0, gaps: 0 };
      this.#tracks.set(id, track);
    }
    return track;
  }

  #take(n: number, entry: TakeEntry): void {
    const track = this.#track(entry.track);
    track.name = entry.name;
    addTake(track, entry.take, { n, entry });
  }

  #segment(n: number, entry: SegmentEntry): void {
    const track = this.#track(entry.track);
    const last = track.takes.at(-1);
    const take = last?.number === entry.take ? last : addTake(track, entry.take, undefined);
    const before = take.segments.at(-1)?.entry.index;
    if (before !== undefined && before + 1 !== entry.index) take.holes.push(take.size);
    take.segments.push({ n, entry, take, ordinal: take.segments.length, start: take.size });
    take.size += entry.content;
    this.#spend(track, entry.index, 1);
  }

  #lost(n: number, entry: LostEntry): void {
    const track = entry.what === Loss.page ? undefined : this.#track(entry.track);
    const take = track?.takes.at(-1);
    this.#losses.push({ n, entry, track, take, at: take?.size ?? 0 });
    if (entry.what === Loss.unsealed) this.#spend(track!, entry.first, entry.count);
  }

  #spend(track: TrackProgress, first: number, count: number): void {
    if (first > track.next && track.gaps < this.#gaps)
      track.open.push({ start: track.next, end: first, isMissing: true });
    track.next = first + count;
    track.gaps = this.#gaps;
  }
}

function addTake(track: TrackLayout, number: number, logged: TakeLayout["logged"]): TakeLayout {
  const take = { track, number, ordinal: track.takes.length, logged, segments: [], size: 0, holes: [] };
  track.takes.push(take);
  return take;
}
