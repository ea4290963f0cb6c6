/**
 * `blindreel/capture`: a camera, a microphone or a screen into a recording's track, encoded so that it can be sought and played.
 *
 * @module blindreel/capture
 * @category Recorder
 */

export type { FrameCounts } from "./frames.js";
export type { CaptureCodec, CaptureEncoder, CaptureOptions } from "./options.js";
export { type Capture, capture } from "./start.js";
export type { CaptureStream, CaptureTrack } from "./stream.js";
