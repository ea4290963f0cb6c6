import { wrongType } from "../errors.js";
import { readOptions } from "../formats/options.js";
import type { OpenedExcerpt } from "../review/open-excerpt.js";
import type { ReviewTrack } from "../review/review-track.js";
import { mediaOf } from "./content.js";
import { mediaSourceClass } from "./media-buffer.js";
import type { MediaElement } from "./media-element.js";
import { Playback } from "./playback.js";
import { PLAY, type Player, type PlayOptions } from "./player.js";
import { Timeline } from "./timeline.js";

/**
 * For review pages: plays a track, or an excerpt, in a media element, by Media Source Extensions. All takes play as one, on a
 * timeline whose second 0 is the recording's beginning (of an excerpt, the take's): `video.currentTime` is recording time.
 * Nothing is appended that was not authenticated. What is missing or altered is skipped and told by an event.
 *
 * The element's own controls, `play()`, `pause()` and `currentTime` work as ever.
 *
 * @returns once the first picture is there. It does not start playing.
 * @throws BlindreelError `unsupported-runtime` where the browser lacks Media Source Extensions or the codec; `unplayable`;
 *   `source-failed`, `source-changed`; `closed`; `signal.reason`. TypeError and RangeError for the arguments.
 */
export async function play(
  video: MediaElement,
  track: ReviewTrack | OpenedExcerpt,
  given?: PlayOptions,
): Promise<Player> {
  const options = readOptions<PlayOptions>("options", given, PLAY);
  const playback = playbackOf(video, track, options);
  return opened(playback, options);
}

/** @param stopsAtGaps whether somebody else moves it on. */
export function playbackOf(
  video: MediaElement,
  track: ReviewTrack | OpenedExcerpt,
  options: PlayOptions,
  stopsAtGaps?: boolean,
): Playback {
  if (typeof video?.play !== "function") throw wrongType("video", "a media element", video);
  options.signal?.throwIfAborted();
  const content = mediaOf(track, options.index);
  const source = mediaSourceClass();
  const timeline = new Timeline(content, (type) => source.isTypeSupported(type));
  return new Playback(video, timeline, options, stopsAtGaps);
}

/** The playback at its beginning; closed where that fails. */
export async function opened(playback: Playback, { from, signal }: PlayOptions): Promise<Playback> {
  try {
    await playback.open(from);
    return playback;
  } catch (error) {
    await playback.close();
    signal?.throwIfAborted();
    throw error;
  }
}
