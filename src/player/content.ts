import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import type { OpenedExcerpt } from "../review/open-excerpt.js";
import type { ReviewTake, ReviewTrack } from "../review/review-track.js";
import type { ReadOptions } from "../source/byte-source.js";

/** A place of a take's media from which on it plays: whole WebM clusters, or MP4 fragments. */
export interface MediaUnit {
  /** Milliseconds of media time of its first key frame; of its first frame where it has none. */
  readonly time: number;
  /** Its first byte in the take's content. It ends where the next one begins. */
  readonly start: number;
  /** Whether it has a key frame. */
  readonly isKey: boolean;
}

/** The index of a take's media, made by `indexTake` of `blindreel/media-index`: plain JSON, to be kept. */
export interface MediaIndex {
  /** Media type with the codecs of all of its tracks. */
  readonly type: string;
  /** Bytes of the initialisation part, with which the content begins. */
  readonly initEnd: number;
  /** In order. */
  readonly units: readonly MediaUnit[];
  /** Bytes of content that was indexed. */
  readonly size: number;
  /** Milliseconds of media. */
  readonly duration: number;
}

/** A segment of a take, whose content begins at `start` of the take's. */
export interface MediaSegment {
  readonly index: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly start: number;
  readonly size: number;
  readonly lastPoint: number;
}

/** A reader of a take's content: every byte is authenticated. */
export interface MediaReader {
  read(start: number, end: number, options: ReadOptions): Promise<Bytes>;
  close(): Promise<void>;
}

/** A take as a player needs it. */
export interface MediaTake {
  readonly number: number;
  /** May be empty. */
  readonly type: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly segments: readonly MediaSegment[];
  readonly index: MediaIndex | undefined;
  open(): MediaReader;
}

/** What is played, and the moment of its time 0, in milliseconds since 1970. */
export interface MediaContent {
  readonly timeOrigin: number;
  readonly takes: readonly MediaTake[];
}

/** Index of the only take, or indices by the number of the take. */
export type MediaIndices = MediaIndex | readonly (MediaIndex | undefined)[];

/** Bytes of opened content that a source keeps: one block. With more it would fetch ahead, also for a picture that needs nothing more. */
const CACHE = { cacheBytes: 2 ** 20 };

/** @throws TypeError for what is neither a track nor an excerpt; RangeError for an index that is not of the take. */
export function mediaOf(of: ReviewTrack | OpenedExcerpt, indices: MediaIndices | undefined): MediaContent {
  const given = of as (Partial<ReviewTrack> & Partial<OpenedExcerpt>) | null | undefined;
  if (given?.takes && given.timeOrigin) return contentOfTrack(given as ReviewTrack, indices);
  if (given?.take && given.segments) return contentOfExcerpt(given as OpenedExcerpt, indices);
  throw wrongType("track", "a track of a review, or an opened excerpt", of);
}

function contentOfTrack({ takes, timeOrigin }: ReviewTrack, indices: MediaIndices | undefined): MediaContent {
  const isSingle = indices !== undefined && "units" in indices;
  const indexOf = ({ number }: ReviewTake): MediaIndex | undefined => {
    if (!isSingle) return indices?.[number];
    return takes.length === 1 ? indices : undefined;
  };
  if (isSingle && takes.length > 1) throw outOfRange("options.index", "one for each take", "one");
  return {
    timeOrigin: timeOrigin.getTime(),
    takes: takes.map((take) => ({
      number: take.number,
      type: take.type,
      startedAt: take.startedAt.getTime(),
      segments: take.segments.map(({ index, time, start, size, points }) => {
        return { index, time: time.getTime(), start, size, lastPoint: points.at(-1)?.time ?? 0 };
      }),
      index: checkedIndex(take, indexOf(take)),
      open: () => take.source(CACHE),
    })),
  };
}

function checkedIndex(take: ReviewTake, index: MediaIndex | undefined): MediaIndex | undefined {
  if (!index || index.size === take.size) return index;
  throw outOfRange("options.index", `of the take's ${take.size} bytes`, `${index.size} bytes`);
}

/** Time 0 is the take's beginning: an excerpt does not tell the recording's. */
function contentOfExcerpt(excerpt: OpenedExcerpt, indices: MediaIndices | undefined): MediaContent {
  if (indices) throw outOfRange("options.index", "left out for an excerpt", "an index");
  let size = 0;
  const segments = excerpt.segments.map((segment) => {
    const start = size;
    size += segment.size;
    const { index, time, points } = segment;
    return { index, time: time.getTime(), start, size: segment.size, lastPoint: points.at(-1)?.time ?? 0 };
  });
  const { number, type, startedAt } = excerpt.take;
  const timeOrigin = startedAt.getTime();
  const take = { number, type, startedAt: timeOrigin, segments, index: undefined };
  return { timeOrigin, takes: [{ ...take, open: () => new ExcerptReader(excerpt, segments) }] };
}

/** The segments of an excerpt, one behind the other. Each is opened as a whole, and the last one kept. */
class ExcerptReader implements MediaReader {
  readonly #excerpt: OpenedExcerpt;
  readonly #segments: readonly MediaSegment[];
  #last: { readonly n: number; readonly content: Bytes } | undefined;

  constructor(excerpt: OpenedExcerpt, segments: readonly MediaSegment[]) {
    this.#excerpt = excerpt;
    this.#segments = segments;
  }

  async read(start: number, end: number, options: ReadOptions): Promise<Bytes> {
    const n = this.#segments.findIndex((segment) => start < segment.start + segment.size);
    const { start: at } = this.#segments[n]!;
    if (this.#last?.n !== n) {
      // Nothing is kept of the one before, also where this one fails.
      this.#last = undefined;
      this.#last = { n, content: await this.#excerpt.segments[n]!.read(options) };
    }
    return this.#last.content.slice(start - at, end - at);
  }

  async close(): Promise<void> {
    this.#last = undefined;
  }
}

/** @throws always: BlindreelError `unplayable`. */
export function withoutIndex(take: number): BlindreelError<"unplayable"> {
  const message = `take ${take} has segments that do not begin at key frames: play it with an index, which indexTake of blindreel/media-index makes`;
  return new BlindreelError("unplayable", message, { reason: "no-index" });
}
