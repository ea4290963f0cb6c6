/// <reference lib="esnext.disposable" preserve="true" />
import { outOfRange, wrongType } from "../errors.js";
import {
  type Check,
  type Checks,
  dateArgument,
  functionArgument,
  signalArgument,
} from "../formats/options.js";
import type { MediaIndices } from "./content.js";
import type { PlayerState } from "./life-cycle.js";
import type { PlayerGap } from "./timeline.js";

/**
 * Events of a player.
 *
 * - `state`: it is in another state.
 * - `gap`: playback, or a seek, came to a span without content and went on behind it.
 * - `failed`: playback ended with `error`. After `source-failed` a seek tries again.
 */
export type PlayerEvent =
  | { readonly type: "state"; readonly state: PlayerState }
  | { readonly type: "gap"; readonly gap: PlayerGap }
  | { readonly type: "failed"; readonly error: unknown };

/** Options of `play`. */
export interface PlayOptions {
  /** Where to begin: the track's beginning unless given. */
  readonly from?: Date;
  /** For takes whose segments do not begin at key frames: of `indexTake`; several as a list, by the number of the take. */
  readonly index?: MediaIndices;
  /** Seconds to be buffered ahead: 30 unless given. */
  readonly bufferAhead?: number;
  /** Seconds to be kept behind the current time: 15 unless given. */
  readonly bufferBehind?: number;
  /** Its exceptions are ignored. */
  readonly onEvent?: (event: PlayerEvent) => void;
  /** Closes the player, at any moment. */
  readonly signal?: AbortSignal;
}

/** Plays a track in a media element. Made by `play`. */
export interface Player {
  readonly state: PlayerState;
  /** The current moment, by the recorder's clock. */
  readonly time: Date;
  /** Known spans without content, in order. More may be found as they are reached. */
  readonly gaps: readonly PlayerGap[];
  /**
   * Resolves when the picture of that moment is there; of the next content, where the moment is in a gap, or of the end.
   *
   * @throws BlindreelError `closed`; what the player fails with.
   */
  seek(time: Date): Promise<void>;
  /** Ends its requests, and takes the media from the element. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Seconds. @throws TypeError, RangeError. */
const secondsArgument: Check<number> = (name, value) => {
  if (typeof value !== "number") throw wrongType(name, "a number", value);
  if (!(value >= 1 && value <= 600)) throw outOfRange(name, "1 to 600", value);
  return value;
};

const indexArgument: Check<MediaIndices> = (name, value) => {
  const indices = (Array.isArray(value) ? value : [value]) as unknown[];
  const isIndex = (index: unknown) => Array.isArray((index as { units?: unknown } | null | undefined)?.units);
  if (!indices.every((index) => (index === undefined && indices.length > 1) || isIndex(index)))
    throw wrongType(name, "what indexTake returned, or a list of such", value);
  return value as MediaIndices;
};

export const PLAY: Checks<PlayOptions> = {
  from: dateArgument,
  index: indexArgument,
  bufferAhead: secondsArgument,
  bufferBehind: secondsArgument,
  onEvent: functionArgument,
  signal: signalArgument,
};
