import { closedError, isBlindreelError } from "../errors.js";
import { dateArgument } from "../formats/options.js";
import { asyncDispose } from "../stream/operation.js";
import { GapMap, type GapSpan } from "./gap-map.js";
import { PlayerLifeCycle, type PlayerState } from "./life-cycle.js";
import { MediaBuffer, undecodable } from "./media-buffer.js";
import type { MediaElement } from "./media-element.js";
import type { Player, PlayerEvent, PlayOptions } from "./player.js";
import { Playhead } from "./playhead.js";
import type { PlayerGap, Timeline } from "./timeline.js";

/** Milliseconds between two looks at the element: a stalled one fires no event. */
const LOOK = 250;
const EVENTS = [
  "seeking",
  "seeked",
  "timeupdate",
  "waiting",
  "loadedmetadata",
  "loadeddata",
  "canplay",
  "play",
  "error",
] as const;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The one owner of an element that plays: it looks at it after every event, and does what follows from what it sees. */
export class Playback implements Player {
  readonly #video: MediaElement;
  readonly #timeline: Timeline;
  readonly #options: PlayOptions;
  readonly #buffer: MediaBuffer;
  readonly #playhead: Playhead;
  readonly #gaps: GapMap;
  readonly #life: PlayerLifeCycle;
  readonly #opening = new AbortController();
  #timer: ReturnType<typeof setInterval> | undefined;
  #error: unknown;
  #waiting: Waiting[] = [];

  /** @param stopsAtGaps whether somebody else moves it on. */
  constructor(video: MediaElement, timeline: Timeline, options: PlayOptions, stopsAtGaps = false) {
    this.#video = video;
    this.#timeline = timeline;
    this.#options = options;
    this.#life = new PlayerLifeCycle((state) => this.#tell({ type: "state", state }));
    this.#buffer = new MediaBuffer(video);
    this.#gaps = new GapMap(timeline);
    const { bufferAhead: ahead = 30, bufferBehind: behind = 15 } = options;
    this.#playhead = new Playhead({
      video,
      timeline,
      gaps: this.#gaps,
      buffer: this.#buffer,
      bounds: { ahead, behind },
      stopsAtGaps,
      onChange: this.#look,
      onGap: (gap) => this.#tellGap(gap),
      onFailure: (error) => this.#end("failed", error),
    });
    options.signal?.addEventListener("abort", this.#onAbort);
  }

  get state(): PlayerState {
    return this.#life.state;
  }

  get time(): Date {
    return this.#timeline.dateOf(this.#playhead.place);
  }

  get gaps(): readonly PlayerGap[] {
    return this.#gaps.list();
  }

  /** Milliseconds since 1970: when its first content begins. */
  get begin(): number {
    return this.#timeline.timeOrigin + this.#timeline.units[0]!.time * 1000;
  }

  /** Whether it has what it needs to go on from where it is. */
  get isReady(): boolean {
    return this.#playhead.isReady;
  }

  /** Where the gap ends that `time`, in milliseconds since 1970, is in: `Infinity` behind the last content; undefined in none. */
  gapEnd(time: number): number | undefined {
    const { timeOrigin } = this.#timeline;
    const end = this.#playhead.gapEnd((time - timeOrigin) / 1000);
    return end === undefined ? undefined : timeOrigin + end * 1000;
  }

  async open(from: Date | undefined): Promise<void> {
    const place = from ? this.#timeline.timeOf(from) : this.#timeline.units[0]!.time;
    const { signal } = this.#opening;
    // Beside the element, which takes its time.
    this.#playhead.filler.fetch(Math.max(0, Math.min(place, this.#gaps.end)), signal);
    await this.#buffer.open(this.#timeline.end, signal);
    for (const name of EVENTS) this.#video.addEventListener(name, this.#look);
    this.#timer = setInterval(this.#look, LOOK);
    await this.#seekTo(place);
  }

  async seek(time: Date): Promise<void> {
    const date = dateArgument("time", time);
    const isLost = this.state === "failed" && !isOfNetwork(this.#error);
    if (this.state === "closed" || isLost) throw this.#error;
    await this.#seekTo(this.#timeline.timeOf(date));
  }

  async close(): Promise<void> {
    this.#end("closed", closedError("the player"));
    await this.#playhead.close();
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #seekTo(time: number): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
    this.#life.to("seeking");
    this.#playhead.seek(time);
    this.#look();
    return done;
  }

  readonly #look = (): void => {
    if (this.#life.isOver) return;
    if (this.#video.error) return void this.#end("failed", undecodable(this.#video));
    if (!this.#buffer.isOpen) return void this.#end("closed", closedError("the player"));
    this.#playhead.look();
    if (this.#playhead.hasArrived) for (const { resolve } of this.#waiting.splice(0)) resolve();
    const isSeeking = this.#waiting.length > 0 || this.#playhead.isMoving;
    this.#life.to(isSeeking ? "seeking" : this.#playhead.filler.status);
  };

  readonly #onAbort = (): void => {
    this.#end("closed", this.#options.signal!.reason);
    this.close().catch(() => {});
  };

  #end(state: "closed" | "failed", error: unknown): void {
    if (this.state === state || !this.#life.to(state)) return;
    this.#error = error;
    this.#opening.abort(error);
    this.#playhead.stop(error);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    if (state === "failed") return void this.#tell({ type: "failed", error });
    clearInterval(this.#timer);
    for (const name of EVENTS) this.#video.removeEventListener(name, this.#look);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#buffer.close();
  }

  #tellGap(span: GapSpan): void {
    const gap = this.#gaps.told(span);
    if (gap) this.#tell({ type: "gap", gap });
  }

  #tell(event: PlayerEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch {
      // The listener's own.
    }
  }
}

function isOfNetwork(error: unknown): boolean {
  return isBlindreelError(error) && error.code === "source-failed";
}
