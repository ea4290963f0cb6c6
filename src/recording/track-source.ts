import { wrongType } from "../errors.js";
import { LossCause } from "../log/entry.js";
import type { RecordingContext } from "./context.js";
import type { RecordingEvent } from "./events.js";
import type { TrackWriter } from "./track.js";

/**
 * A source that writes media to a track: a bound `MediaRecorder`, a capture, or one of the caller's own. The recording's `flush`,
 * `finish`, `close` and `abort` call it.
 */
export interface TrackSource {
  /** Settles once its last data is in the journal, or the recording is over. */
  readonly done: Promise<void>;
  /** Writes the data so far, as far as it can: `flush` waits for it. */
  drain(): Promise<void>;
  /** Takes no more media. Resolves when its last data is written; never rejects. */
  stop(): Promise<void>;
  /** The recording is over: nothing can be written any more. */
  abandon(error: unknown): void;
}

/** Beginning of a take. */
export interface SourceTake {
  /** Wall-clock time of media time 0, in milliseconds since 1970. */
  readonly time: number;
  /** Media type with codecs. */
  readonly type: string;
}

/** A track, as its source writes to it. */
export interface TrackSink {
  /** The track's name. */
  readonly track: string;
  /** Milliseconds since 1970, by the recording's clock, which never falls. */
  now(): number;
  /** Later data is of a new take. */
  startTake(take: SourceTake): void;
  /**
   * Takes bytes as `RecordingTrack.write`, also above `maxQueued`: the source bounds what waits.
   *
   * @param options `time`: of the data's first media, for the log. `startsSegment`: it begins with a key frame, and a segment with
   *   it. `endsSegment`: it is a segment's end, as the media initialisation part is.
   */
  write(
    data: Uint8Array,
    options: { readonly time: number; readonly startsSegment?: boolean; readonly endsSegment?: boolean },
  ): Promise<void>;
  /** Ends the segment. Resolves when all that was written is in the journal. */
  flush(): Promise<void>;
  /** Names a loss in the log: media that the source should have given, or more than it could take. Later data is of a new take. */
  lost(cause: "source" | "overflow"): Promise<void>;
  /** Names a loss in the log: the source gave nothing at all. */
  silent(take: SourceTake): Promise<void>;
  /** While a source is live, a crash does not pass for silence. */
  setLive(isLive: boolean): void;
  /** Tells the recording's `onEvent`. */
  tell(event: RecordingEvent): void;
}

export function trackSink({ settings, time }: RecordingContext, writer: TrackWriter): TrackSink {
  return {
    track: writer.name,
    now: time,
    startTake: (take) => writer.startTake({ ...take }),
    write: (data, options) => writer.write(data, { ...options, isBounded: false }),
    flush: () => writer.flush(),
    lost: (cause) => writer.noteLoss(LossCause[cause]),
    silent: (take) => writer.noteSilence({ ...take }),
    setLive: (isLive) => {
      writer.isLive = isLive;
    },
    tell: settings.onEvent,
  };
}

/** @throws TypeError. */
export function trackSourceArgument(source: TrackSource): TrackSource {
  const { done, drain, stop, abandon } = (source ?? {}) as Partial<TrackSource>;
  const areMethods = [drain, stop, abandon, done?.then].every((each) => typeof each === "function");
  if (!areMethods) throw wrongType("source", "one with done, drain, stop and abandon", source);
  return source;
}
