/**
 * `blindreel/player`: tracks and excerpts in media elements, by time.
 *
 * @module blindreel/player
 * @category Reviewer
 */
export type { MediaIndex, MediaIndices, MediaUnit } from "./content.js";
export type { PlayerState } from "./life-cycle.js";
export type { MediaElement } from "./media-element.js";
export { play } from "./play.js";
export type { Player, PlayerEvent, PlayOptions } from "./player.js";
export type { PlayerGap, PlayerGapCause } from "./timeline.js";
export {
  type PlayTogetherOptions,
  playTogether,
  type Screen,
  type Together,
  type TogetherEvent,
} from "./together.js";
