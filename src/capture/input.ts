import type { CaptureTrack } from "./stream.js";

/** Milliseconds without a picture, or without sound, after which a take goes on without it. */
const STALLED = 1500;

/** What a browser counts of a track's frames; missing in Firefox. */
interface TrackStats {
  readonly totalFrames: number;
  /** Too many for the rate that was asked for. */
  readonly discardedFrames: number;
}

/** Whether a track's picture may stand still for minutes: a screen, a canvas, or what its page says is one. */
function maybeStill(track: MediaStreamTrack): boolean {
  const isCanvas =
    typeof CanvasCaptureMediaStreamTrack === "function" && track instanceof CanvasCaptureMediaStreamTrack;
  return isCanvas || "displaySurface" in track.getSettings() || /^(detail|text)$/.test(track.contentHint);
}

/** One track of a stream: whether it gives, and what it gave. */
export class CaptureInput {
  readonly track: MediaStreamTrack;
  readonly isVideo: boolean;
  readonly isRead: boolean;
  readonly mayStandStill: boolean;
  /** The last frame of a picture that may stand still. */
  still: VideoFrame | undefined;
  /** Samples read from the track, or packets that a recorder made of it. */
  seen = 0;
  /** Milliseconds of `performance.now()`. */
  #seenAt: number;
  #isSilent = false;
  #isClosed = false;
  readonly #removeListener: () => void;

  /** @param isRead whether samples are read: else a track that is live and not muted counts as giving. @param onEnded it ended by itself: unplugged, no longer shared. */
  constructor(track: CaptureTrack, isRead: boolean, now: number, onEnded: () => void) {
    this.track = track as MediaStreamTrack;
    this.isVideo = track.kind === "video";
    this.isRead = isRead;
    this.mayStandStill = this.isVideo && maybeStill(this.track);
    this.#seenAt = now;
    track.addEventListener("ended", onEnded);
    this.#removeListener = () => track.removeEventListener("ended", onEnded);
  }

  get kind(): "audio" | "video" {
    return this.isVideo ? "video" : "audio";
  }

  /** Frames that the track gave, whether or not they were read in time. */
  get delivered(): number {
    const { stats } = this.track as { readonly stats?: TrackStats };
    return stats ? stats.totalFrames - stats.discardedFrames : this.seen;
  }

  saw(now: number, sample?: VideoFrame | AudioData): void {
    this.seen++;
    this.#seenAt = now;
    if (!this.mayStandStill || this.#isClosed || !sample) return;
    this.still?.close();
    this.still = (sample as VideoFrame).clone();
  }

  gives(now: number): boolean {
    if (this.track.readyState !== "live" || this.track.muted) return false;
    return !this.isRead || this.#isFresh(now, STALLED);
  }

  /** The page was held up: what waits is given `grace` milliseconds to arrive. */
  excuse(now: number, grace: number): void {
    this.#seenAt = Math.max(this.#seenAt, now - STALLED + grace);
  }

  /** @returns a change of it, to be told. */
  checkSilence(now: number, silentAfter: number): "silent" | "restored" | undefined {
    const isSilent = !this.gives(now) || !this.#isFresh(now, silentAfter);
    if (isSilent === this.#isSilent || (isSilent && now - this.#seenAt < silentAfter)) return undefined;
    this.#isSilent = isSilent;
    return isSilent ? "silent" : "restored";
  }

  close(): void {
    this.#isClosed = true;
    this.#removeListener();
    this.still?.close();
    this.still = undefined;
  }

  #isFresh(now: number, within: number): boolean {
    return this.seen > 0 && (this.mayStandStill || now - this.#seenAt < within);
  }
}
