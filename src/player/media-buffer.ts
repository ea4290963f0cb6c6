import { BlindreelError, closedError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import type { MediaElement } from "./media-element.js";

/** Safari on iPhones has the managed kind alone. */
type AnyMediaSource = MediaSource & { readonly streaming?: boolean };
type MediaSourceClass = { new (): AnyMediaSource; isTypeSupported(type: string): boolean };

/** @throws BlindreelError `unsupported-runtime`. */
export function mediaSourceClass(): MediaSourceClass {
  const { MediaSource, ManagedMediaSource } = globalThis as Partial<
    Record<"MediaSource" | "ManagedMediaSource", MediaSourceClass>
  >;
  const found = MediaSource ?? ManagedMediaSource;
  if (found) return found;
  const message = "this browser has no Media Source Extensions: serve the take by blindreel/ranges instead";
  throw new BlindreelError("unsupported-runtime", message, { operation: "MediaSource" });
}

/** Milliseconds between two looks at what fires no event. */
const LOOK = 250;

/** What a source buffer is to take next: a take's initialisation part, type and place. */
export interface BufferStart {
  readonly mediaType: string;
  /** Seconds. */
  readonly offset: number;
  readonly init: Bytes;
}

/** The part of the timeline that is to stay when room is short, in seconds. */
export interface KeptSpan {
  readonly from: number;
  readonly to: number;
}

/** A media element's source of bytes. Its operations follow one another. */
export class MediaBuffer {
  readonly #video: MediaElement;
  readonly #source: AnyMediaSource;
  readonly #url: string;
  #buffer: SourceBuffer | undefined;
  #mediaType = "";
  #tail: Promise<unknown> = Promise.resolve();

  constructor(video: MediaElement) {
    this.#video = video;
    this.#source = new (mediaSourceClass())();
    this.#url = URL.createObjectURL(this.#source);
  }

  /** Resolves when the element has taken the source. @param duration seconds. */
  async open(duration: number, signal: AbortSignal): Promise<void> {
    const opened = happens(this.#source, "sourceopen", signal);
    this.#video.preload = "auto";
    // Without, a managed source never opens.
    if (this.#source.streaming !== undefined) this.#video.disableRemotePlayback = true;
    this.#video.src = this.#url;
    await opened;
    URL.revokeObjectURL(this.#url);
    this.#source.duration = duration;
  }

  /** False where the browser wants nothing now. */
  get isWanted(): boolean {
    return this.#source.streaming ?? true;
  }

  /** Resolves when room may have come, or the browser may want more; at the latest after {@link LOOK}. @throws BlindreelError `closed`; `signal.reason`. */
  async change(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const waits = [
      ...["timeupdate", "seeking", "seeked", "loadeddata"].map((name) => happens(this.#video, name, either)),
      ...["startstreaming", "sourceclose"].map((name) => happens(this.#source, name, either)),
    ];
    for (const wait of waits) wait.catch(() => {});
    const timer = setTimeout(() => stop.abort(), LOOK);
    try {
      await Promise.race(waits);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
    this.#checkOpen();
  }

  get isOpen(): boolean {
    return this.#source.readyState !== "closed" && this.#video.src === this.#url;
  }

  /** Buffered ranges in seconds. */
  get ranges(): { readonly start: number; readonly end: number }[] {
    const { buffered } = this.#video;
    return Array.from({ length: buffered.length }, (_, n) => ({
      start: buffered.start(n),
      end: buffered.end(n),
    }));
  }

  get duration(): number {
    return this.#source.duration;
  }

  /** Forgets what was appended of an unfinished unit, which is not to be joined with the next. */
  reset(): Promise<void> {
    return this.#operate((buffer) => {
      // A source that has ended refuses it.
      if (this.#source.readyState === "open") buffer.abort();
    });
  }

  /**
   * Begins a take, or another place of one.
   *
   * @throws BlindreelError `unsupported-runtime` for another type than before, where the browser keeps to one.
   */
  async begin({ mediaType, offset, init }: BufferStart): Promise<void> {
    this.#checkOpen();
    if (!this.#buffer) this.#buffer = this.#source.addSourceBuffer(mediaType);
    else {
      const isOther = mediaType !== this.#mediaType;
      if (isOther && !this.#buffer.changeType) throw withoutChange(this.#mediaType, mediaType);
      // A cluster of unknown size is unfinished behind its last frame too, and an ended source is not reset: this opens it.
      if (this.#source.readyState === "ended")
        await this.#operate((buffer) => buffer.remove(this.#source.duration, Number.POSITIVE_INFINITY));
      await this.reset();
      if (isOther) await this.#operate((buffer) => buffer.changeType(mediaType));
    }
    this.#mediaType = mediaType;
    await this.#operate((buffer) => {
      buffer.timestampOffset = offset;
    });
    await this.#operate((buffer) => buffer.appendBuffer(init));
  }

  /** @returns whether there was room for it. */
  async append(bytes: Bytes, kept: KeptSpan): Promise<boolean> {
    if (await this.#tryAppend(bytes)) return true;
    await this.remove(0, kept.from);
    if (await this.#tryAppend(bytes)) return true;
    await this.remove(kept.to, Number.POSITIVE_INFINITY);
    return this.#tryAppend(bytes);
  }

  async #tryAppend(bytes: Bytes): Promise<boolean> {
    try {
      await this.#operate((buffer) => buffer.appendBuffer(bytes));
      return true;
    } catch (error) {
      if ((error as { name?: unknown }).name === "QuotaExceededError") return false;
      throw error;
    }
  }

  async remove(from: number, to: number): Promise<void> {
    const isThere = this.ranges.some(({ start, end }) => start < to && end > from);
    if (isThere && to > from) await this.#operate((buffer) => buffer.remove(from, to));
  }

  /** Nothing follows. The duration becomes that of what is there. */
  async end(): Promise<void> {
    await this.#operate(() => {
      if (this.#source.readyState === "open") this.#source.endOfStream();
    });
  }

  close(): void {
    if (this.#video.src === this.#url) {
      this.#video.removeAttribute("src");
      this.#video.load();
    }
    // Last: what an element still loads must not be gone.
    URL.revokeObjectURL(this.#url);
  }

  #checkOpen(): void {
    if (!this.isOpen) throw closedError("the player");
  }

  /** @throws BlindreelError `unplayable` where the browser refuses what was appended; `closed`. */
  #operate(action: (buffer: SourceBuffer) => void): Promise<void> {
    const operation = this.#tail.then(() => this.#run(action));
    this.#tail = operation.catch(() => {});
    return operation;
  }

  async #run(action: (buffer: SourceBuffer) => void): Promise<void> {
    this.#checkOpen();
    const buffer = this.#buffer!;
    const stop = new AbortController();
    const done = happens(buffer, "updateend", stop.signal);
    done.catch(() => {});
    let isFaulty = false;
    const onError = (): void => {
      isFaulty = true;
    };
    buffer.addEventListener("error", onError);
    // Where the element is given another source, there may be no event any more.
    const onClose = (): void => stop.abort(closedError("the player"));
    this.#source.addEventListener("sourceclose", onClose);
    try {
      action(buffer);
      if (buffer.updating) await done;
      if (isFaulty) throw undecodable(this.#video);
    } catch (error) {
      if ((error as { name?: unknown }).name !== "InvalidStateError") throw error;
      this.#checkOpen();
      throw undecodable(this.#video);
    } finally {
      stop.abort();
      buffer.removeEventListener("error", onError);
      this.#source.removeEventListener("sourceclose", onClose);
    }
  }
}

function withoutChange(from: string, to: string): BlindreelError<"unsupported-runtime"> {
  const message = `this browser does not go on from ${from} to ${to}`;
  return new BlindreelError("unsupported-runtime", message, { operation: "changeType" });
}

export function undecodable({ error }: MediaElement): BlindreelError<"unplayable"> {
  const message = `the browser could not decode the media${error?.message ? `: ${error.message}` : ""}`;
  return new BlindreelError("unplayable", message, { reason: "media" });
}

/** The next event of that name. @throws `signal.reason`. */
export function happens(target: EventTarget, name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      target.removeEventListener(name, settle);
      signal.removeEventListener("abort", settle);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    if (signal.aborted) return settle();
    target.addEventListener(name, settle);
    signal.addEventListener("abort", settle);
  });
}
