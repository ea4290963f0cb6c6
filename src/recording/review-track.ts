import { wrongType } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { SegmentEnd } from "../formats/constants.js";
import { checkRange, type ReadOptions } from "../source/byte-source.js";
import type { SegmentLayout, TakeLayout, TrackLayout } from "./layout.js";
import type { OpenedManifest } from "./manifest-seal.js";
import type { ObjectLookup } from "./objects.js";
import { proveTakeRange } from "./prove.js";
import type { RangeProof } from "./range-proof.js";
import type { RecordingKeys } from "./segment-reader.js";
import { SegmentedTakeSource, type TakeSource, type TakeSourceOptions } from "./take-source.js";

/** What a review's tracks and takes share. */
export interface ReviewContext {
  /** @throws BlindreelError `closed`. */
  readonly keys: () => RecordingKeys;
  readonly core: Bytes;
  readonly signed: OpenedManifest;
  readonly objects: ObjectLookup | undefined;
}

/** A track, as its manifest says. */
export class ReviewTrack {
  readonly id: number;
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
  readonly startedAt: Date;
  /** Media type with codecs; empty where the recorder named none. */
  readonly type: string;
  /** Bytes of content. */
  readonly size: number;
  /** The media index: milliseconds since `startedAt`, and the byte of content written then. */
  readonly points: readonly { readonly time: number; readonly byte: number }[];
  /** Whether a crash took its end. */
  readonly isCut: boolean;
  readonly #layout: TakeLayout;
  readonly #context: ReviewContext;

  /** @internal */
  constructor(layout: TakeLayout, context: ReviewContext) {
    this.#layout = layout;
    this.#context = context;
    this.startedAt = new Date(layout.take.startedAt);
    this.type = layout.take.type;
    this.points = layout.take.points;
    this.size = layout.size;
    this.isCut = layout.segments.at(-1)?.entry.end === SegmentEnd.cut;
  }

  /**
   * The take's content as one seekable source, over the borders of its segments. Whatever it returns was checked
   * against the signed manifest, whether or not the recording has been verified as a whole.
   *
   * @param objects where the stored objects are, unless that was said when the recording was opened.
   */
  source(objects?: ObjectLookup, options?: TakeSourceOptions): TakeSource {
    const { keys } = this.#context;
    keys();
    return new SegmentedTakeSource(keys, this.#layout, this.#objects(objects), options);
  }

  /**
   * Proves to somebody without keys that the ciphertext of content `[start, end)` belongs to the signed recording;
   * checked by `verifyRange`. The range grows to whole chunks. See {@link RangeProof.proof} for what it discloses;
   * showing what the ciphertext says takes the recording's key, which opens all of it.
   *
   * @throws RangeError outside the take or for an empty range; BlindreelError `authentication-failed`, `truncated`,
   *   `source-failed`.
   */
  async proveRange(
    start: number,
    end: number,
    options: ReadOptions & { readonly objects?: ObjectLookup } = {},
  ): Promise<RangeProof> {
    checkRange(start, end, this.size);
    const { keys, core, signed } = this.#context;
    const segments: readonly SegmentLayout[] = this.#layout.segments;
    const { objects, ...readOptions } = options;
    return proveTakeRange(
      keys(),
      { core, signed, segments },
      this.#objects(objects),
      { start, end },
      readOptions,
    );
  }

  #objects(given: ObjectLookup | undefined): ObjectLookup {
    const objects = given ?? this.#context.objects;
    if (typeof objects !== "function")
      throw wrongType("objects", "a function that finds stored objects", objects);
    return objects;
  }
}
