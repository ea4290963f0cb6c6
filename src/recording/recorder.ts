import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import type { TrackWriter } from "./track-writer.js";

/** What of a `MediaRecorder` is used, so that no types of the DOM are needed. */
export interface MediaRecorderLike {
  readonly state: "inactive" | "recording" | "paused";
  readonly mimeType: string;
  stop(): void;
  pause(): void;
  resume(): void;
  requestData(): void;
  addEventListener(type: string, listener: (event: unknown) => void): void;
  removeEventListener(type: string, listener: (event: unknown) => void): void;
}

export interface RecordOptions {
  /** Bytes of this recorder that may wait to be sealed and journalled. 16 MiB unless given. */
  readonly maxBuffered?: number;
  /** What happens beyond: the recorder is paused until half of it is left (the default), or stopped. */
  readonly onFull?: "pause" | "stop";
}

/** A recorder that writes to a track. */
export interface BoundRecorder {
  /** Resolves once its last blob is sealed and journalled. */
  readonly done: Promise<void>;
  /** Stops the recorder, if it still runs, and resolves as `done` does; at once where it never ran. */
  stop(): Promise<void>;
  /** Asks for what it has recorded so far, and resolves once that was handed on. */
  drain(): Promise<void>;
}

type Listener = (event: unknown) => void;

const DEFAULT_BUFFER = 16 * 2 ** 20;

/** Writes all that a recorder gives, as a take of its own. It may run already, or be started later. */
export function bindRecorder(
  track: TrackWriter,
  recorder: MediaRecorderLike,
  { maxBuffered = DEFAULT_BUFFER, onFull = "pause" }: RecordOptions,
  now: () => Date,
): BoundRecorder {
  if (typeof recorder?.addEventListener !== "function" || typeof recorder.pause !== "function") {
    throw wrongType("mediaRecorder", "a MediaRecorder", recorder);
  }
  if (!Number.isSafeInteger(maxBuffered) || maxBuffered <= 0) {
    throw outOfRange("maxBuffered", "above 0 bytes", maxBuffered);
  }
  if (onFull !== "pause" && onFull !== "stop") throw wrongType("onFull", '"pause" or "stop"', onFull);
  const take = { startedAt: now().getTime(), type: recorder.mimeType };
  track.startTake(take);

  let buffered = 0;
  let isPausedByUs = false;
  let failure: { readonly error: unknown } | undefined;
  let hasRun = recorder.state !== "inactive";
  const clock = mediaClock(recorder.state === "recording");
  let blobStart = 0;
  let wakeDrain: (() => void) | undefined;

  const fail = (error: unknown): void => {
    failure ??= { error };
    if (recorder.state !== "inactive") recorder.stop();
  };
  const relieve = (): void => {
    if (!isPausedByUs || buffered > maxBuffered / 2) return;
    isPausedByUs = false;
    if (recorder.state === "paused") recorder.resume();
  };
  const press = (): void => {
    if (buffered <= maxBuffered || recorder.state !== "recording") return;
    if (onFull === "stop") {
      const message = `${buffered} bytes of the recorder wait to be sealed and stored`;
      fail(new BlindreelError("queue-full", message, { limit: maxBuffered }));
      return;
    }
    isPausedByUs = true;
    recorder.pause();
  };

  const listeners: Record<string, (event: never) => void> = {
    start: () => {
      hasRun = true;
      take.startedAt = now().getTime();
      clock.run();
    },
    pause: () => clock.pause(),
    resume: () => clock.run(),
    error: (event: { readonly error?: unknown }) => fail(event.error ?? event),
    dataavailable: ({ data }: { readonly data: Blob }) => {
      const time = blobStart;
      blobStart = clock.elapsed();
      wakeDrain?.();
      if (data.size === 0 || failure) return;
      buffered += data.size;
      try {
        track.write(data, { time, isBounded: false }).then(() => {
          buffered -= data.size;
          relieve();
        }, fail);
      } catch (error) {
        fail(error);
      }
      press();
    },
  };
  const forget = (): void => {
    for (const [type, listener] of Object.entries(listeners))
      recorder.removeEventListener(type, listener as Listener);
  };
  const done = new Promise<void>((resolve, reject) => {
    // The standard's order: the last `dataavailable`, then `stop`.
    listeners.stop = () => {
      forget();
      wakeDrain?.();
      track.flush().then(() => (failure ? reject(failure.error) : resolve()), reject);
    };
  });
  done.catch(() => {});
  for (const [type, listener] of Object.entries(listeners))
    recorder.addEventListener(type, listener as Listener);

  return {
    done,
    async stop() {
      if (recorder.state !== "inactive") recorder.stop();
      else if (!hasRun) return forget();
      await done;
    },
    async drain() {
      if (recorder.state === "inactive") return;
      const given = new Promise<void>((resolve) => {
        wakeDrain = resolve;
      });
      recorder.requestData();
      await given;
    },
  };
}

/** Milliseconds of media: those in which the recorder ran. */
function mediaClock(isRunning: boolean) {
  let total = 0;
  let since = isRunning ? performance.now() : undefined;
  return {
    run(): void {
      since ??= performance.now();
    },
    pause(): void {
      if (since !== undefined) total += performance.now() - since;
      since = undefined;
    },
    elapsed: (): number => total + (since === undefined ? 0 : performance.now() - since),
  };
}
