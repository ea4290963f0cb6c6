import {
  type Entry,
  EntryKind,
  Loss,
  type LostEntry,
  SegmentEnd,
  type SegmentEntry,
  type TakeEntry,
} from "./entry.js";
import { SUBTREE } from "./tree.js";

/** A track in the log so far. */
interface TrackOrder {
  name: string;
  takes: number;
  /** Index of the next segment. */
  next: number;
  /** Take and time of the last segment or take. */
  take: number;
  time: number;
  isCut: boolean;
  /** Gaps before the last segment: behind a further one, the rules resume with what comes next. */
  gaps: number;
  readonly segments: Set<number>;
}

const newTrack = (): TrackOrder => ({
  ...{ name: "", takes: 0, next: 0, take: 0, time: 0, isCut: false, gaps: 0 },
  segments: new Set(),
});

/** Indices of segments, by track, and numbers of pages that a lost entry declares as not stored. */
export class Refused {
  readonly #names = new Set<string>();

  hasSegment({ track, index }: { readonly track: number; readonly index: number }): boolean {
    return this.#names.has(`${track}/${index}`);
  }

  hasPage(number: number): boolean {
    return this.#names.has(`page/${number}`);
  }

  /** @returns false for a name that is there already. */
  add(track: number | "page", index: number): boolean {
    const { size } = this.#names;
    return this.#names.add(`${track}/${index}`).size > size;
  }
}

/**
 * The rules between a log's entries (format-v1, "Order of entries"), checked entry by entry in time linear in their number.
 * Where a page is missing, they resume at the next known entry.
 */
export class LogOrder {
  readonly refused = new Refused();
  readonly #tracks = new Map<number, TrackOrder>();
  readonly #names = new Map<string, number>();
  #gaps = 0;
  #lostSegments = 0;

  /** Unknown entries stand here. */
  gap(): void {
    this.#gaps++;
  }

  /** @param n the entry's place in the log. @returns the broken rule, or undefined. */
  add(n: number, entry: Entry): string | undefined {
    if (entry.kind === EntryKind.take) return this.#take(entry);
    return entry.kind === EntryKind.segment ? this.#segment(entry) : this.#lost(n, entry);
  }

  #take({ track: id, take, name, time }: TakeEntry): string | undefined {
    const owner = this.#names.get(name);
    if (owner !== undefined && owner !== id) return "two tracks of one name";
    const track = this.#tracks.get(id);
    if (track && track.name !== "" && track.name !== name) return "two names of one track";
    if (!this.#isNext(track, take, track?.takes ?? 0)) return "a take out of turn";
    this.#names.set(name, id);
    const known = track ?? this.#track(id);
    Object.assign(known, { name, takes: take + 1, take, time, isCut: false });
    return undefined;
  }

  #segment(entry: SegmentEntry): string | undefined {
    const track = this.#known(entry.track);
    if (!track) return "a segment of a track that no take began";
    if (!this.#isNext(track, entry.index, track.next)) return "a segment's index out of turn";
    if (entry.take < track.take) return "a segment of a take that has ended";
    if (entry.take >= track.takes && !this.#hasGap(track)) return "a segment of a take that did not begin";
    const isSameTake = entry.take === track.take;
    if (isSameTake && track.isCut && !this.#hasGap(track)) return "a segment behind a cut one";
    if (isSameTake && entry.time < track.time) return "a time that falls within a take";
    track.next = entry.index + 1;
    track.takes = Math.max(track.takes, entry.take + 1);
    track.take = entry.take;
    track.time = entry.time;
    track.isCut = entry.end === SegmentEnd.cut;
    track.gaps = this.#gaps;
    track.segments.add(entry.index);
    return undefined;
  }

  #lost(n: number, { what, track: id, first, count }: LostEntry): string | undefined {
    if (what === Loss.page) {
      if (SUBTREE * (first + count) > n) return "a lost page that was not full";
      return this.#refuse("page", first, count);
    }
    const track = this.#known(id);
    if (!track) return "a loss of a track that no take began";
    if (what === Loss.unsealed) {
      if (!this.#isNext(track, first, track.next)) return "a lost index out of turn";
      track.next = first + count;
      return undefined;
    }
    if (what !== Loss.segment) return undefined;
    // Rule 11, "Gaps": without this bound, one loss behind a gap could name 2^32.
    this.#lostSegments += count;
    if (this.#lostSegments > n) return "more lost segments than entries";
    // Behind a gap, and until the track's next segment, the missing page may list any of them.
    const end = this.#hasGap(track) ? 2 ** 32 : track.next;
    const isSealed = (index: number) => index < end && (track.segments.has(index) || this.#gaps > 0);
    return this.#refuse(id, first, count, isSealed);
  }

  /** Once for each index: all losses together cost no more than the segments before them. */
  #refuse(
    of: number | "page",
    first: number,
    count: number,
    isSealed: (index: number) => boolean = () => true,
  ): string | undefined {
    for (let index = first; index < first + count; index++) {
      if (!isSealed(index)) return "a lost segment that was not sealed";
      if (!this.refused.add(of, index)) return "a loss that was told before";
    }
    return undefined;
  }

  #isNext(track: TrackOrder | undefined, actual: number, expected: number): boolean {
    const mayBeLater = this.#hasGap(track);
    return actual === expected || (mayBeLater && actual > expected);
  }

  #hasGap(track: TrackOrder | undefined): boolean {
    return (track?.gaps ?? 0) < this.#gaps;
  }

  /** Rules 4 and 9: a track without a known take exists only behind a gap. */
  #known(id: number): TrackOrder | undefined {
    return this.#tracks.get(id) ?? (this.#gaps > 0 ? this.#track(id) : undefined);
  }

  #track(id: number): TrackOrder {
    const track = newTrack();
    this.#tracks.set(id, track);
    return track;
  }
}
