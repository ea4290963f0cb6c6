/// <reference lib="esnext.disposable" preserve="true" />
import { closedError, isBlindreelError, outOfRange, wrongType } from "../errors.js";
import {
  asGiven,
  type Checks,
  dateArgument,
  functionArgument,
  readOptions,
  signalArgument,
} from "../formats/options.js";
import type { OpenedExcerpt } from "../review/open-excerpt.js";
import type { ReviewTrack } from "../review/review-track.js";
import { asyncDispose } from "../stream/operation.js";
import type { MediaIndices } from "./content.js";
import type { MediaElement } from "./media-element.js";
import { opened, playbackOf } from "./play.js";
import type { Playback } from "./playback.js";
import { PLAY, type Player, type PlayerEvent, type PlayOptions } from "./player.js";

/** A media element and what it shows. */
export type Screen = readonly [video: MediaElement, track: ReviewTrack | OpenedExcerpt];

/** An event of one of the players, by its place in the list; or of all: they play, or do not. */
export type TogetherEvent =
  | (PlayerEvent & { readonly screen: number })
  | { readonly type: "playing"; readonly isPlaying: boolean };

/** Options of {@link playTogether}. */
export interface PlayTogetherOptions {
  /** Where to begin: the first content of any track unless given. */
  readonly from?: Date;
  /** As `play` takes it, for each of the tracks. */
  readonly indices?: readonly (MediaIndices | undefined)[];
  readonly bufferAhead?: number;
  readonly bufferBehind?: number;
  /** Its exceptions are ignored. */
  readonly onEvent?: (event: TogetherEvent) => void;
  /** Closes all players, at any moment. */
  readonly signal?: AbortSignal;
}

/** Several tracks in step. Made by {@link playTogether}. */
export interface Together {
  readonly players: readonly Player[];
  readonly isPlaying: boolean;
  /** The current moment, by the recorder's clock. */
  readonly time: Date;
  /** 1 unless set; 0.25 to 4. */
  playbackRate: number;
  /** Resolves when they play. @throws the element's, NotAllowedError for one: browsers want a click first. */
  play(): Promise<void>;
  pause(): void;
  /** Resolves when every track that has a picture of that moment shows it. @throws BlindreelError `closed`. */
  seek(time: Date): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const TOGETHER: Checks<PlayTogetherOptions> = {
  from: dateArgument,
  indices: asGiven,
  bufferAhead: PLAY.bufferAhead,
  bufferBehind: PLAY.bufferBehind,
  onEvent: functionArgument,
  signal: signalArgument,
};

/**
 * For review pages: plays several tracks in step, within a tenth of a second. The first one that has content leads; the others
 * correct themselves by their rate, or by a seek. In the gap of one the others go on; a gap of all is passed over. Play, pause and
 * seek by what this returns, not by the elements' own controls.
 *
 * @returns once the first pictures are there. It does not start playing.
 * @throws as `play`, where any of the tracks cannot be played.
 */
export async function playTogether(
  screens: readonly Screen[],
  given?: PlayTogetherOptions,
): Promise<Together> {
  const options = readOptions<PlayTogetherOptions>("options", given, TOGETHER);
  if (!Array.isArray(screens)) throw wrongType("screens", "a list of elements with their tracks", screens);
  if (screens.length === 0) throw outOfRange("screens", "at least one", "none");
  const group = new Group(screens, options);
  await group.open();
  return group;
}

/** Milliseconds between two looks. */
const LOOK = 50;
/** Seconds: what is further off is brought there by a seek. */
const FAR = 0.5;
/** Seconds: what is this close is left as it is. */
const CLOSE = 0.02;
/** The most that a rate is changed to catch up. */
const MOST = 0.4;

interface Member {
  readonly video: MediaElement;
  readonly playback: Playback;
  /** Where it waits for the end of a gap; `undefined` while it plays. */
  parkedAt?: number | undefined;
}

class Group implements Together {
  readonly #members: readonly Member[];
  readonly #options: PlayTogetherOptions;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Milliseconds since 1970. */
  #time = 0;
  #looked = 0;
  #rate = 1;
  #isPlaying = false;
  #isClosed = false;
  #seeks = 0;

  constructor(screens: readonly Screen[], options: PlayTogetherOptions) {
    this.#options = options;
    const { bufferAhead, bufferBehind, signal, indices } = options;
    this.#members = screens.map(([video, track], screen) => {
      const own: PlayOptions = {
        ...(bufferAhead !== undefined && { bufferAhead }),
        ...(bufferBehind !== undefined && { bufferBehind }),
        ...(signal && { signal }),
        ...(indices?.[screen] && { index: PLAY.index(`options.indices[${screen}]`, indices[screen]) }),
        onEvent: (event) => this.#tell({ ...event, screen }),
      };
      return { video, playback: playbackOf(video, track, own, true) };
    });
  }

  get players(): readonly Player[] {
    return this.#members.map(({ playback }) => playback);
  }

  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  get time(): Date {
    return new Date(this.#time);
  }

  get playbackRate(): number {
    return this.#rate;
  }

  set playbackRate(rate: number) {
    if (!(rate >= 0.25 && rate <= 4)) throw outOfRange("playbackRate", "0.25 to 4", rate);
    this.#rate = rate;
    this.#look();
  }

  async open(): Promise<void> {
    try {
      const first =
        this.#options.from ?? new Date(Math.min(...this.#members.map(({ playback }) => playback.begin)));
      await Promise.all(
        this.#members.map(({ playback }) =>
          opened(playback, { ...this.#options, from: first } as PlayOptions),
        ),
      );
      this.#time = first.getTime();
      this.#timer = setInterval(this.#look, LOOK);
      this.#look();
    } catch (error) {
      await this.close();
      this.#options.signal?.throwIfAborted();
      throw error;
    }
  }

  async play(): Promise<void> {
    this.#checkOpen();
    this.#become(true);
    this.#looked = performance.now();
    const starts = this.#usable().filter((member) => this.#gapEnd(member) === undefined);
    try {
      await Promise.all(starts.map(({ video }) => video.play()));
    } catch (error) {
      if (isInterruption(error)) return;
      this.pause();
      throw error;
    }
  }

  pause(): void {
    this.#become(false);
    for (const { video } of this.#members) video.pause();
  }

  async seek(time: Date): Promise<void> {
    this.#checkOpen();
    this.#time = dateArgument("time", time).getTime();
    this.#seeks++;
    for (const { video } of this.#members) video.pause();
    try {
      const target = new Date(this.#time);
      // One that the network failed is tried again.
      await Promise.all(this.#members.map((member) => this.#move(member, target)));
    } finally {
      this.#seeks--;
      this.#looked = performance.now();
      this.#look();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isPlaying = false;
    clearInterval(this.#timer);
    await Promise.all(this.#members.map(({ playback }) => playback.close()));
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedError("the player");
  }

  #usable(): readonly Member[] {
    return this.#members.filter(({ playback }) => playback.state !== "failed" && playback.state !== "closed");
  }

  /** Where the gap ends that it is in: it stays parked up to there. */
  #gapEnd({ parkedAt, playback }: Member): number | undefined {
    return parkedAt !== undefined && this.#time < parkedAt ? parkedAt : playback.gapEnd(this.#time);
  }

  async #move(member: Member, time: Date): Promise<void> {
    member.parkedAt = undefined;
    await member.playback.seek(time).catch((error) => {
      // One that fails has told so; the others go on.
      if (this.#isClosed || !isBlindreelError(error)) throw error;
    });
  }

  readonly #look = (): void => {
    const now = performance.now();
    const passed = now - this.#looked;
    this.#looked = now;
    if (this.#isClosed || this.#seeks > 0) return;
    const usable = this.#usable();
    let shown = usable.filter((member) => this.#gapEnd(member) === undefined);
    const isReady = shown.every(({ playback }) => playback.isReady);
    if (shown.length === 0) {
      const next = Math.min(...usable.map((member) => this.#gapEnd(member)!));
      // The end, for all of them.
      if (!Number.isFinite(next)) return void this.pause();
      this.#time = next;
      shown = usable.filter((member) => this.#gapEnd(member) === undefined);
    } else if (this.#isPlaying && isReady) {
      this.#time += passed * this.#rate;
      const leading = shown[0]!.playback.time.getTime();
      if (Math.abs(leading - this.#time) < FAR * 1000) this.#time = leading;
    }
    for (const member of usable) {
      if (shown.includes(member)) this.#keepUp(member, member === shown[0], isReady);
      else this.#park(member);
    }
  };

  /** Nothing to show now: waits at the end of the gap. */
  #park(member: Member): void {
    const { video, playback } = member;
    video.pause();
    const end = this.#gapEnd(member)!;
    if (!Number.isFinite(end) || member.parkedAt === end) return;
    member.parkedAt = end;
    playback.seek(new Date(end)).catch(() => {});
  }

  #keepUp(member: Member, isLeading: boolean, isReady: boolean): void {
    const { video, playback } = member;
    member.parkedAt = undefined;
    if (playback.state === "seeking") return void video.pause();
    const late = (this.#time - playback.time.getTime()) / 1000;
    const isRunning = this.#isPlaying && isReady;
    if (Math.abs(late) > (isRunning ? FAR : 2 * CLOSE)) void this.#move(member, this.time).catch(() => {});
    const correction = isLeading || Math.abs(late) < CLOSE ? 0 : Math.max(-MOST, Math.min(MOST, 2 * late));
    const rate = this.#rate * (1 + correction);
    if (video.playbackRate !== rate) video.playbackRate = rate;
    if (!isRunning) video.pause();
    else if (video.paused) video.play().catch((error) => void (isInterruption(error) || this.pause()));
  }

  #become(isPlaying: boolean): void {
    if (this.#isPlaying === isPlaying) return;
    this.#isPlaying = isPlaying;
    this.#tell({ type: "playing", isPlaying });
  }

  #tell(event: TogetherEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch {
      // The listener's own.
    }
  }
}

/** `pause()`, or a seek, came before it played. */
function isInterruption(error: unknown): boolean {
  return (error as { name?: unknown } | null | undefined)?.name === "AbortError";
}
