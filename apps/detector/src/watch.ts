import type { Detector, Frame } from "./detector.js";
import { type FlagLine, Flags } from "./flags.js";

/** Milliseconds that a camera has for a frame. */
const FRAME_WAIT = 5000;

export type WatchEnd = "closed" | "camera-ended" | "detector-failed" | "not-written";

/** A line of the track `events`; times in ISO 8601. Without flags, they say whether anything looked at all. */
export type WatchLine =
  | FlagLine
  | {
      readonly at: string;
      readonly type: "detector";
      readonly name: string;
      /** Seconds between looks. */
      readonly every: number;
      readonly inARow: number;
    }
  | {
      readonly at: string;
      readonly type: "detector-end";
      readonly why: WatchEnd;
      /** Looks that the detector answered. */
      readonly looks: number;
      /** Times at which the camera gave no frame. */
      readonly blind: number;
    };

export interface WatchOptions {
  /** Closed when the watch ends. */
  readonly detector: Detector;
  /** Writes one line, without its end. The watch ends where it throws. */
  readonly write: (line: WatchLine) => void | Promise<void>;
  /** Seconds between looks; 10 unless given. */
  readonly every?: number;
  /** Looks in a row that must agree before anything is flagged; 3 unless given. */
  readonly inARow?: number;
}

export interface Watch {
  /** Never rejects. `cause` is what the detector or `write` threw. */
  readonly ended: Promise<{ readonly why: WatchEnd; readonly cause?: unknown }>;
  /** Resolves when the last line is written. The camera goes on. */
  close(): Promise<void>;
}

/** Chromium's; unknown to TypeScript's declarations. */
declare const MediaStreamTrackProcessor: {
  new (init: {
    readonly track: MediaStreamTrack;
    readonly maxBufferSize: number;
  }): { readonly readable: ReadableStream<VideoFrame> };
};

/**
 * Looks at a camera's track now and then, until it is closed or the track ends.
 *
 * @throws RangeError
 */
export function watchCamera(
  track: MediaStreamTrack,
  { detector, write, every = 10, inARow = 3 }: WatchOptions,
): Watch {
  if (!(every > 0 && every <= 3600)) throw new RangeError(`every must be seconds up to 3600, got ${every}`);
  const flags = new Flags(inARow);
  const closing = new AbortController();
  const counts = { looks: 0, blind: 0 };
  let isWriting = true;

  async function writeAll(lines: readonly WatchLine[]): Promise<void> {
    try {
      if (isWriting) for (const line of lines) await write(line);
    } catch (error) {
      isWriting = false;
      throw new Ended("not-written", error);
    }
  }

  async function look(): Promise<void> {
    const at = new Date();
    const frame = await frameOf(track, closing.signal);
    if (closing.signal.aborted || !frame) {
      frame?.close();
      if (closing.signal.aborted || track.readyState === "ended") return;
      counts.blind++;
      return writeAll(flags.look(undefined, at));
    }
    const { faces } = await detector.inspect(frame).catch((error) => {
      throw new Ended(closing.signal.aborted ? "closed" : "detector-failed", error);
    });
    counts.looks++;
    await writeAll(flags.look(faces, at));
  }

  async function run(): Promise<WatchEnd> {
    const at = new Date().toISOString();
    await writeAll([{ at, type: "detector", name: detector.name, every, inARow }]);
    while (!closing.signal.aborted && track.readyState === "live") {
      const next = performance.now() + every * 1000;
      await look();
      await pause(next - performance.now(), closing.signal, track);
    }
    return closing.signal.aborted ? "closed" : "camera-ended";
  }

  async function all(): Promise<{ why: WatchEnd; cause?: unknown }> {
    const end = await run().then(
      (why) => ({ why }),
      (error) => (error instanceof Ended ? { why: error.why, cause: error.cause } : Promise.reject(error)),
    );
    detector.close();
    const at = new Date();
    const last: WatchLine = { at: at.toISOString(), type: "detector-end", why: end.why, ...counts };
    try {
      await writeAll([...flags.end(at), last]);
      return end;
    } catch (error) {
      return { why: "not-written", cause: (error as Ended).cause };
    }
  }

  const ended = all();
  return {
    ended,
    async close() {
      closing.abort();
      detector.close();
      await ended;
    },
  };
}

class Ended extends Error {
  readonly why: WatchEnd;

  constructor(why: WatchEnd, cause: unknown) {
    super(why, { cause });
    this.why = why;
  }
}

/** The next frame, or none where the camera gives none: muted, ended, or held up. */
async function frameOf(track: MediaStreamTrack, signal: AbortSignal): Promise<Frame | undefined> {
  const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: 1 });
  const reader = readable.getReader();
  const stop = (): void => void reader.cancel().catch(() => {});
  const timer = setTimeout(stop, FRAME_WAIT);
  signal.addEventListener("abort", stop);
  try {
    return (await reader.read()).value;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** Shorter where the watch is closed or the track ends. */
function pause(milliseconds: number, signal: AbortSignal, track: MediaStreamTrack): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, Math.max(0, milliseconds));
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      track.removeEventListener("ended", done);
      resolve();
    }
    signal.addEventListener("abort", done);
    track.addEventListener("ended", done);
    if (signal.aborted) done();
  });
}
