import { TAG_LENGTH } from "../formats/constants.js";
import {
  type Entry,
  EntryKind,
  isPadded,
  Loss,
  type LostEntry,
  SEGMENT_HEAD_LENGTH,
  type SegmentEntry,
  segmentGeometry,
  type TakeEntry,
} from "../log/entry.js";
import { SUBTREE } from "../log/tree.js";
import { CHUNK, SEALED_CHUNK } from "../stream/geometry.js";

/** Where content is, by the log alone: nothing has to be opened to seek in a take. */
export interface TrackLayout {
  readonly id: number;
  /** Empty while no entry that is known names it. */
  name: string;
  readonly takes: TakeLayout[];
  /** Indices that no known entry speaks of and one may still speak of; ascending. */
  readonly open: OpenRange[];
}

export interface OpenRange {
  readonly start: number;
  /** Infinity for the last. */
  readonly end: number;
  /** Whether a page is missing that may list them; else the log is open, and they come behind it. */
  readonly isMissing: boolean;
}

export interface TakeLayout {
  readonly track: TrackLayout;
  readonly number: number;
  /** Its place among those that are known of its track. */
  readonly place: number;
  /** Undefined where its page is missing. */
  readonly logged: { readonly n: number; readonly entry: TakeEntry } | undefined;
  readonly segments: SegmentLayout[];
  /** Bytes of content. */
  size: number;
  /** Where in the content segments are missing whose length nobody knows; ascending. */
  readonly holes: number[];
}

export interface SegmentLayout {
  /** Place of its entry in the log. */
  readonly n: number;
  readonly entry: SegmentEntry;
  readonly take: TakeLayout;
  /** Its place among those that are known of its take. */
  readonly place: number;
  /** Where its content starts in the take's. */
  readonly start: number;
}

/** A lost entry, and how far its track's content had come. */
export interface LaidOutLoss {
  readonly entry: LostEntry;
  readonly track: TrackLayout | undefined;
  readonly take: TakeLayout | undefined;
  readonly at: number;
}

/** Milliseconds at which a take began, as closely as is known. */
export function takeTime({ logged, segments }: TakeLayout): number {
  return logged?.entry.time ?? segments[0]?.entry.time ?? 0;
}

/** Milliseconds at which what follows a segment began; undefined behind the last of a track. */
export function segmentEndTime({ take, place }: SegmentLayout): number | undefined {
  const next = take.segments[place + 1];
  if (next) return next.entry.time;
  const nextTake = take.track.takes[take.place + 1];
  return nextTake && takeTime(nextTake);
}

interface TrackProgress extends TrackLayout {
  /** Index behind the last that an entry speaks of. */
  next: number;
  /** How many gaps the log had before that entry. */
  gaps: number;
}

/** Lays out a log entry by entry, in time linear in their number. */
export class LayoutBuilder {
  readonly #tracks = new Map<number, TrackProgress>();
  readonly losses: LaidOutLoss[] = [];
  /** Segments, by track, and pages that the recorder says were not stored. */
  readonly refused = new Map<number, Set<number>>();
  readonly refusedPages = new Set<number>();
  #gaps = 0;

  gap(): void {
    this.#gaps++;
  }

  add(n: number, entry: Entry): void {
    if (entry.kind === EntryKind.take) this.#take(n, entry);
    else if (entry.kind === EntryKind.segment) this.#segment(n, entry);
    else this.#lost(entry);
  }

  /** @param isOpen whether the log may go on. */
  finish(isOpen: boolean): { readonly tracks: readonly TrackLayout[]; readonly mayHaveMore: boolean } {
    for (const track of this.#tracks.values()) {
      const isMissing = track.gaps < this.#gaps;
      if (isOpen || isMissing)
        track.open.push({ start: track.next, end: Number.POSITIVE_INFINITY, isMissing });
    }
    const tracks = [...this.#tracks.values()].sort((left, right) => left.id - right.id);
    return { tracks, mayHaveMore: isOpen || this.#gaps > 0 };
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
    take.segments.push({ n, entry, take, place: take.segments.length, start: take.size });
    take.size += entry.content;
    this.#spend(track, entry.index, 1);
  }

  #lost(entry: LostEntry): void {
    const { what, first, count } = entry;
    const track = what === Loss.page ? undefined : this.#track(entry.track);
    const take = track?.takes.at(-1);
    this.losses.push({ entry, track, take, at: take?.size ?? 0 });
    if (what === Loss.unsealed) this.#spend(track!, first, count);
    if (what !== Loss.segment && what !== Loss.page) return;
    const refused = what === Loss.page ? this.refusedPages : this.#refusedOf(entry.track);
    // No more than there are entries: the order of entries holds.
    for (let each = first; each < first + count; each++) refused.add(each);
  }

  #refusedOf(track: number): Set<number> {
    const known = this.refused.get(track) ?? new Set();
    this.refused.set(track, known);
    return known;
  }

  #spend(track: TrackProgress, first: number, count: number): void {
    if (first > track.next && track.gaps < this.#gaps)
      track.open.push({ start: track.next, end: first, isMissing: true });
    track.next = first + count;
    track.gaps = this.#gaps;
  }
}

function addTake(track: TrackLayout, number: number, logged: TakeLayout["logged"]): TakeLayout {
  const take = { track, number, place: track.takes.length, logged, segments: [], size: 0, holes: [] };
  track.takes.push(take);
  return take;
}

/** Whether a missing entry, or one that is still to come, may list this index. */
export function isOpenIndex({ open }: TrackLayout, index: number): boolean {
  let [low, high] = [0, open.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (open[middle]!.end <= index) low = middle + 1;
    else high = middle;
  }
  return low < open.length && open[low]!.start <= index;
}

/** What is fetched, checked and opened in one go: a subtree's worth of chunks, or a padded segment as a whole. */
export interface Block {
  readonly index: number;
  readonly firstChunk: number;
  readonly endChunk: number;
  /** The range of the stored object, in bytes. */
  readonly from: number;
  readonly to: number;
  /** The range of the segment's content, in bytes. */
  readonly start: number;
  readonly end: number;
}

/** The segment's subtrees, in order; content of a padded one counts as that of the first. */
export function subtreesOf(entry: SegmentEntry): Block[] {
  const { chunks } = segmentGeometry(entry)!;
  return Array.from({ length: Math.ceil(chunks / SUBTREE) }, (_, index) => {
    const firstChunk = index * SUBTREE;
    const endChunk = Math.min(firstChunk + SUBTREE, chunks);
    const from = SEGMENT_HEAD_LENGTH + firstChunk * SEALED_CHUNK;
    const to = Math.min(SEGMENT_HEAD_LENGTH + endChunk * SEALED_CHUNK, entry.length);
    const start = Math.min(firstChunk * CHUNK, entry.content);
    const end = Math.min(start + to - from - (endChunk - firstChunk) * TAG_LENGTH, entry.content);
    return { index, firstChunk, endChunk, from, to, start, end };
  });
}

/** Blocks in which the segment's content is read. */
export function blocksOf(entry: SegmentEntry): Block[] {
  const subtrees = subtreesOf(entry);
  if (!isPadded(entry)) return subtrees;
  const { endChunk } = subtrees.at(-1)!;
  const { from } = subtrees[0]!;
  return [{ index: 0, firstChunk: 0, endChunk, from, to: entry.length, start: 0, end: entry.content }];
}
