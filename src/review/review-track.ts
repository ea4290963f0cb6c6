import { nameOf } from "../formats/constants.js";
import { type MediaPoint, SegmentEnd } from "../log/entry.js";
import { dateOf } from "../log/fields.js";
import { type TakeLayout, type TrackLayout, takeTime } from "./layout.js";
import { SegmentedTakeSource, type TakeSource, type TakeSourceOptions } from "./take-source.js";
import type { UnlockedRecording } from "./unlocked-recording.js";

/** A track of the log. */
export class ReviewTrack {
  readonly id: number;
  /** Empty where the page that names it is missing. */
  readonly name: string;
  /** In order. A player goes from one to the next by `startedAt`: bytes of two takes do not play as one. */
  readonly takes: readonly ReviewTake[];
  /** The recording's beginning, from which players count time: the same for all of its tracks. */
  readonly timeOrigin: Date;

  /** @internal */
  constructor(layout: TrackLayout, recording: UnlockedRecording, timeOrigin: Date) {
    this.timeOrigin = timeOrigin;
    this.id = layout.id;
    this.name = layout.name;
    this.takes = layout.takes.map((take) => new ReviewTake(take, recording));
  }
}

/** A listed segment of a take: what the log says of it. */
export interface TakeSegment {
  /** In its track: a jump is a hole. */
  readonly index: number;
  /** When its first byte was recorded. */
  readonly time: Date;
  /** `cut`: a crash or a deadline took its end. */
  readonly end: "final" | "cut";
  /** First byte of its content in the take's. */
  readonly start: number;
  /** Bytes of content. */
  readonly size: number;
  /** Milliseconds since `time`, and the byte of its content at that time. */
  readonly points: readonly MediaPoint[];
}

/** One run of one media recorder. */
export class ReviewTake {
  /** Counts the track's takes from 0. */
  readonly number: number;
  /** By the recorder's clock; that of its first known segment where the page with its own entry is missing. */
  readonly startedAt: Date;
  /** Media type with codecs; empty where the recorder named none, or its page is missing. */
  readonly type: string;
  /** Bytes of content, over all segments that the log lists. */
  readonly size: number;
  /**
   * Bytes of the content before which segments of unknown length are missing, ascending: a read across one of them fails with
   * `truncated`.
   */
  readonly holes: readonly number[];
  /** Whether a crash or a deadline took its end. */
  readonly isCut: boolean;
  readonly #layout: TakeLayout;
  readonly #recording: UnlockedRecording;
  #segments: readonly TakeSegment[] | undefined;
  #points: { readonly time: number; readonly byte: number }[] | undefined;

  /** @internal */
  constructor(layout: TakeLayout, recording: UnlockedRecording) {
    this.#layout = layout;
    this.#recording = recording;
    this.number = layout.number;
    this.startedAt = dateOf(takeTime(layout));
    this.type = layout.logged?.entry.type ?? "";
    this.size = layout.size;
    this.holes = layout.holes;
    this.isCut = layout.segments.at(-1)?.entry.end === SegmentEnd.cut;
  }

  /** In order; those of missing pages are unknown. */
  get segments(): readonly TakeSegment[] {
    this.#segments ??= this.#layout.segments.map(({ entry, start }) => ({
      index: entry.index,
      time: dateOf(entry.time),
      end: nameOf(SegmentEnd, entry.end)!,
      start,
      size: entry.content,
      points: entry.points,
    }));
    return this.#segments;
  }

  /** The media index: milliseconds since `startedAt`, and the byte of the take's content at that time. */
  get points(): readonly { readonly time: number; readonly byte: number }[] {
    if (!this.#points) {
      const startedAt = takeTime(this.#layout);
      this.#points = this.#layout.segments.flatMap(({ entry, start }) =>
        entry.points.map(({ time, byte }) => ({ time: entry.time - startedAt + time, byte: start + byte })),
      );
    }
    return this.#points;
  }

  /**
   * For players: the take's content as one seekable source, over the borders of its segments. Everything it returns was checked
   * against the signed log, whether or not the recording has been verified as a whole: a read that touches a missing segment or
   * a hole fails with `truncated`, an altered one with `authentication-failed`, and the rest opens. A first seek costs two
   * requests and at most 1.1 MiB.
   *
   * @throws BlindreelError `closed`; RangeError for the options.
   */
  source(options?: TakeSourceOptions): TakeSource {
    this.#recording.keys.checkOpen();
    return new SegmentedTakeSource(this.#recording, this.#layout, options);
  }
}
