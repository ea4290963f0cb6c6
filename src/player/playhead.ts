import { closedError } from "../errors.js";
import { type BufferBounds, Filler } from "./filler.js";
import type { GapMap, GapSpan } from "./gap-map.js";
import type { MediaBuffer } from "./media-buffer.js";
import type { MediaElement } from "./media-element.js";
import type { Timeline } from "./timeline.js";

/** Seconds before a gap in which an element may stand still: it wants some frames ahead, at a higher speed more. */
const STALL = 1;
/** Milliseconds without progress that are a stall, while playing, and while a picture is decoded. */
const STILL = { playing: 150, moving: 600 } as const;
/** Seconds: where a seek goes that asks for the last frames before a gap. */
const SOME_FRAMES = 0.5;
/** Seconds: where a seek to the end goes, so that there is a frame to show. */
const LAST_FRAME = 0.05;
/**
 * Seconds from where it was sent at which an element is elsewhere, and how often it is sent again. Behind a pause WebKitGTK was seen
 * to arrive later by as much as it had played before, and at its first place not at all.
 */
const ELSEWHERE = 0.2;
const CORRECTIONS = 3;
/** Milliseconds in which an element arrives where there is content. */
const STUCK = 2000;
/** Seconds: a place is in the range that begins there. */
const INSIDE = 0.001;
/** Seconds: a unit's last frame ends this close to the next unit's first. */
const JOINT = 0.1;

export interface PlayheadContext {
  readonly video: MediaElement;
  readonly timeline: Timeline;
  readonly gaps: GapMap;
  readonly buffer: MediaBuffer;
  readonly bounds: BufferBounds;
  /** Whether playback stops at a gap, and somebody else moves it on. */
  readonly stopsAtGaps: boolean;
  onChange(): void;
  onGap(gap: GapSpan): void;
  onFailure(error: unknown): void;
}

/** The place that is shown, or to be shown next, and the requests for its content. All times are seconds of the timeline. */
export class Playhead {
  readonly filler: Filler;
  readonly #context: PlayheadContext;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** Where to go as soon as the element can. */
  #goal: number | undefined;
  /** Where it was sent, until it is there. */
  #sent: { readonly place: number; readonly at: number } | undefined;
  #corrections = 0;
  /** Since when it has stood where, with nothing to come. */
  #standing = { place: -1, since: 0 };
  /** Number of a unit that was fetched again, since the browser had dropped it. */
  #refilled = -1;

  constructor(context: PlayheadContext) {
    this.#context = context;
    this.filler = new Filler({
      ...context,
      place: () => this.place,
      isAwaited: () => !this.hasArrived,
    });
  }

  get place(): number {
    return this.#goal ?? this.#context.video.currentTime;
  }

  get isMoving(): boolean {
    return this.#goal !== undefined || this.#context.video.seeking;
  }

  /** Whether its picture is there. */
  get hasArrived(): boolean {
    return !this.isMoving && this.#context.video.readyState >= 2;
  }

  /** Whether it has what it needs to go on. */
  get isReady(): boolean {
    return !this.isMoving && this.#context.video.readyState >= 3;
  }

  /** Whether it has stood still with nothing to come. */
  get #isStalled(): boolean {
    const [isShort, still] = this.isMoving
      ? [this.#context.video.readyState < 2, STILL.moving]
      : [this.#context.video.readyState < 3, STILL.playing];
    return isShort && performance.now() - this.#standing.since > still;
  }

  /** Where the gap ends that `time` is in: `Infinity` behind the last content; undefined in none. */
  gapEnd(time: number): number | undefined {
    const { gaps } = this.#context;
    const at = time + (this.#isStalled ? STALL : 0);
    if (at >= gaps.end - LAST_FRAME) return Number.POSITIVE_INFINITY;
    const to = gaps.at(at)?.to;
    return to === undefined || to < gaps.end ? to : Number.POSITIVE_INFINITY;
  }

  seek(time: number): void {
    this.#refilled = -1;
    this.#corrections = 0;
    this.#goTo(Math.max(0, Math.min(time, this.#context.gaps.end)));
  }

  /** To be called after every change of the element. */
  look(): void {
    if (this.#goal !== undefined) this.#goTo(this.#goal);
    else this.#correct();
    const { place } = this;
    if (place !== this.#standing.place) this.#standing = { place, since: performance.now() };
    const here = this.#rangeOf(place);
    const { paused } = this.#context.video;
    // Without a range, nothing but the filler can help.
    if (here && (here.end - place > STALL || (paused && !this.isMoving) || !this.#isStalled))
      this.#fillBehind(here.end);
    else this.#goOn(here);
  }

  /** Ends all requests. */
  stop(reason: unknown): void {
    this.#stop.abort(reason);
  }

  async close(): Promise<void> {
    await this.#running;
    await this.filler.close();
  }

  #rangeOf(time: number): { readonly start: number; readonly end: number } | undefined {
    return this.#context.buffer.ranges.find(({ start, end }) => start <= time + 0.01 && time < end);
  }

  #goTo(time: number): void {
    const { video } = this.#context;
    this.#goal = time;
    // Before, there is no place to leave. Where the first seek waits for its content, WebKitGTK ends it less often still.
    if (video.readyState < 1) return;
    video.currentTime = time;
    this.#sent = { place: time, at: performance.now() };
    this.#goal = undefined;
    this.#standing = { place: video.currentTime, since: performance.now() };
  }

  /** Sends the element again where it arrived elsewhere, or does not arrive. */
  #correct(): void {
    const { paused, seeking, currentTime } = this.#context.video;
    const sent = this.#sent;
    if (sent === undefined || !(seeking || this.hasArrived)) return;
    const isElsewhere = Math.abs(currentTime - sent.place) > ELSEWHERE;
    const isStuck = seeking && performance.now() - sent.at > STUCK && this.#rangeOf(sent.place) !== undefined;
    // Seeking to another place, it was sent there by somebody else.
    if (isElsewhere || !seeking) this.#sent = undefined;
    if ((isElsewhere && seeking) || !(isElsewhere || isStuck) || !paused) return;
    if (this.#corrections++ < CORRECTIONS) this.#goTo(sent.place);
  }

  /** Fetches what comes next, where a run for another place will not: what is paused for want of it never stalls. */
  #fillBehind(edge: number): void {
    const { gaps, bounds } = this.#context;
    const isFar = edge - this.place >= bounds.ahead || edge >= gaps.end - LAST_FRAME;
    if (isFar || gaps.at(edge + JOINT) || this.filler.covers(edge) || this.filler.isBefore(edge)) return;
    if (!this.#delivers(edge)) this.#fillFrom(edge);
  }

  #delivers(edge: number): boolean {
    return this.filler.delivers(edge) || this.filler.delivers(edge + JOINT);
  }

  /** Where the element has nothing to go on with: waits for it, fetches it, or passes over the gap. */
  #goOn(here: { readonly start: number; readonly end: number } | undefined): void {
    const { gaps } = this.#context;
    const edge = here?.end ?? this.place;
    if (this.#delivers(edge)) this.#standing.since = performance.now();
    else if (edge >= gaps.end - LAST_FRAME) this.#goToEnd(here !== undefined);
    else {
      const gap = gaps.at(edge);
      if (gap) this.#pass(gap, here);
      else if (!this.filler.covers(edge)) this.#fillFrom(edge);
      else this.#fillAgain(edge);
    }
  }

  #pass(gap: GapSpan, here: { readonly start: number; readonly end: number } | undefined): void {
    const { gaps, stopsAtGaps, onGap } = this.#context;
    const { to } = gap;
    if (stopsAtGaps && !this.isMoving) return void this.#fillBehind(to);
    const back = here && here.end - SOME_FRAMES;
    if (here && back !== undefined && this.isMoving && back > here.start && this.place > back + INSIDE)
      this.#goTo(back);
    else if (to >= gaps.end) this.#goToEnd(false);
    else if (this.#rangeOf(to + INSIDE)) {
      this.#goTo(to + INSIDE);
      onGap(gap);
    } else if (this.filler.covers(to)) this.#fillAgain(to);
    else if (!this.filler.isBefore(to)) this.#fillFrom(to);
  }

  /** There is nothing behind: playback ends by itself, a seek goes to the last frame. */
  #goToEnd(isThere: boolean): void {
    if (isThere || (!this.isMoving && this.#context.video.ended)) return;
    const { gaps, onGap } = this.#context;
    const gap = gaps.at(this.place);
    const last = Math.max(0, gaps.end - LAST_FRAME);
    if (Math.abs(this.place - last) > INSIDE) this.#goTo(last);
    if (this.#rangeOf(last)) {
      if (gap) onGap(gap);
    } else if (!this.filler.delivers(last)) this.#fillFrom(last);
  }

  /** What was buffered is gone: browsers drop what they have no room for. */
  #fillAgain(time: number): void {
    const unit = this.#context.timeline.at(time);
    const isFirst = this.#refilled !== unit;
    this.#refilled = unit;
    if (isFirst) this.#fillFrom(time);
    else {
      const next = this.#context.buffer.ranges.find(({ start }) => start > time);
      if (next) this.#goTo(next.start + INSIDE);
    }
  }

  /** Ends the requests for the place before, and begins with this one. */
  #fillFrom(time: number): void {
    this.#stop.abort(closedError("the place"));
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const before = this.#running;
    this.filler.aim(time);
    this.#running = (async () => {
      await before;
      try {
        await this.filler.run(time, signal);
      } catch (error) {
        if (!signal.aborted) this.#context.onFailure(error);
      }
    })();
  }
}
