import type { Bytes } from "../formats/bytes.js";
import { SegmentEnd, type SegmentEntry } from "../log/entry.js";
import type { KeyHolder } from "../log/keys.js";
import { dateOf } from "../log/text.js";
import { type TakeLayout, type TrackLayout, takeTime } from "./layout.js";
import type { RecordingBinding } from "./segment.js";
import type { Store } from "./store.js";
import { SegmentedTakeSource, type TakeSource, type TakeSourceOptions } from "./take-source.js";

/** What a review's parts share. */
export interface ReviewContext {
  readonly holder: KeyHolder<{ readonly contentKey: Bytes; readonly manifestKey: Bytes }>;
  readonly binding: RecordingBinding;
  readonly store: Store;
  /** Of a segment's stored object. */
  readonly nameOf: (place: Pick<SegmentEntry, "track" | "index">) => string;
}

/** A track, as the log says. */
export class ReviewTrack {
  readonly id: number;
  /** Empty where the page that names it is missing. */
  readonly name: string;
  /** In order. A player goes from one to the next by `startedAt`: bytes of two takes do not play as one. */
  readonly takes: readonly ReviewTake[];

  /** @internal */
  constructor(layout: TrackLayout, context: ReviewContext) {
    this.id = layout.id;
    this.name = layout.name;
    this.takes = layout.takes.map((take) => new ReviewTake(take, context));
  }
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
   * Where in the content segments are missing whose length nobody knows, in bytes and ascending: a read across one of them
   * fails with `truncated`.
   */
  readonly holes: readonly number[];
  /** Whether a crash or a deadline took its end. */
  readonly isCut: boolean;
  readonly #layout: TakeLayout;
  readonly #context: ReviewContext;
  #points: { readonly time: number; readonly byte: number }[] | undefined;

  /** @internal */
  constructor(layout: TakeLayout, context: ReviewContext) {
    this.#layout = layout;
    this.#context = context;
    this.number = layout.number;
    this.startedAt = dateOf(takeTime(layout));
    this.type = layout.logged?.entry.type ?? "";
    this.size = layout.size;
    this.holes = layout.holes;
    this.isCut = layout.segments.at(-1)?.entry.end === SegmentEnd.cut;
  }

  /** The media index: milliseconds since `startedAt`, and the byte of the take's content that was written then. */
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
   * The take's content as one seekable source, over the borders of its segments. Whatever it returns was checked
   * against the signed log, whether or not the recording has been verified as a whole: a read that touches a segment
   * that is missing, or a hole, fails with `truncated`, one that is altered with `authentication-failed`, and what is around
   * them opens. A first seek costs two requests and at most 1.1 MiB.
   *
   * @throws BlindreelError `closed`; RangeError for the options.
   */
  source(options?: TakeSourceOptions): TakeSource {
    this.#context.holder.checkOpen();
    return new SegmentedTakeSource(this.#context, this.#layout, options);
  }
}
