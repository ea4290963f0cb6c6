import { BlindreelError, wrongType } from "../errors.js";
import type { RecordingTrack } from "../recording/tracks.js";
import { StreamCapture } from "./capture.js";
import type { FrameCounts } from "./frames.js";
import { type CaptureEncoder, type CaptureOptions, readCaptureOptions } from "./options.js";
import { type CaptureStream, streamArgument } from "./stream.js";
import { bestEncoder, hasEncoder } from "./support.js";

/** A running capture. It ends by `stop`, with its recording, or when its stream has no live track any more. */
export interface Capture {
  /**
   * Resolves when the last of it is in the journal. Rejects when it ended by itself: BlindreelError `source-failed` for a stream whose
   * last track ended, and for encoders that fail again and again; else with what the recording failed with. The log has the loss.
   */
  readonly done: Promise<void>;
  /** Who encodes now. */
  readonly encoder: CaptureEncoder;
  /** Frames of the picture so far. */
  readonly frames: FrameCounts;
  /** Ends the take: nothing is recorded, and nothing is missing in the log. */
  pause(): void;
  /** Begins the next take. */
  resume(): void;
  /** Goes on with another stream (another device), in a new take. @throws TypeError. */
  replace(stream: CaptureStream): void;
  /** Ends the capture, not the stream's tracks. Resolves when all of it is in the journal; never rejects. */
  stop(): Promise<void>;
}

/**
 * Encodes the first live video track and the first live audio track of a stream into a track of a recording: called by extensions, for
 * each of camera and screen. Every take begins with a segment that holds its initialisation part alone; every later segment begins at a
 * key frame, whose wall-clock time the log has, to the millisecond.
 *
 * @param track of `recording.track(name)`, without a cadence, and without another capture or recorder.
 * @throws TypeError, RangeError; BlindreelError `unsupported-runtime` where the browser cannot record, as `capabilities().capture`
 *   says; what `RecordingTrack.record` throws.
 * @category Recorder
 */
export function capture(stream: CaptureStream, track: RecordingTrack, options?: CaptureOptions): Capture {
  const settings = readCaptureOptions(options);
  if (typeof track?.attach !== "function") throw wrongType("track", "a RecordingTrack", track);
  const encoder = settings.encoder ?? bestEncoder();
  if (encoder === undefined || !hasEncoder(encoder)) {
    const operation = encoder === "webcodecs" ? "WebCodecs" : "MediaRecorder";
    throw new BlindreelError("unsupported-runtime", `this runtime has no ${operation}`, { operation });
  }
  let running: StreamCapture | undefined;
  const checked = streamArgument(stream);
  track.attach((sink) => {
    running = new StreamCapture(sink, checked, settings, encoder);
    return running;
  });
  return running!;
}
