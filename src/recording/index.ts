/**
 * `blindreel/recording`: making a recording of several tracks, and uploading it. Reading one is `blindreel/review`.
 *
 * @module blindreel/recording
 * @category Recorder
 */
export {
  envelopeName,
  manifestName,
  type ObjectNameParts,
  pageName,
  parseObjectName,
  receiptName,
  segmentName,
} from "../log/names.js";
export type { RecordingEvent } from "./events.js";
export type { TrackInput } from "./input.js";
export type { ObjectKind } from "./journal-object.js";
export type { LifeState } from "./life-cycle.js";
export type { MediaRecorderLike, RecordOptions } from "./media-recorder.js";
export type {
  FinishOptions,
  RecordingOptions,
  ResumeOptions,
  StartRecordingOptions,
  TrackOptions,
} from "./options.js";
export type { RecordingObject } from "./outbox.js";
export type { FinishedRecording, Recording } from "./recording.js";
export { discardJournal, listJournals, resumeRecording, type StoredJournal } from "./resume.js";
export { startRecording } from "./start.js";
export type { SourceTake, TrackSink, TrackSource } from "./track-source.js";
export type { RecordingTrack } from "./tracks.js";
export {
  type PutObject,
  type UploadOptions,
  type UploadOutcome,
  type UploadProgress,
  uploadRefused,
} from "./upload.js";
