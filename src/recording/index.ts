/** `blindreel/recording`: recordings of several tracks, and how complete one is. */
export type { MediaPoint } from "./manifest.js";
export {
  envelopeName,
  manifestName,
  type ObjectNameParts,
  objectName,
  parseObjectName,
} from "./object-name.js";
export type { ObjectListing, ObjectLookup } from "./objects.js";
export type { PartOptions, RecordingPart } from "./outbox.js";
export {
  type ProvenRange,
  type RangeProof,
  type StoredRange,
  type VerifyRangeOptions,
  verifyRange,
} from "./range-proof.js";
export type { MediaRecorderLike, RecordOptions } from "./recorder.js";
export type { Recording } from "./recording.js";
export type { FinishedRecording, RecordingTrack } from "./recording-track.js";
export {
  discardJournal,
  listJournals,
  type ResumeOptions,
  resumeRecording,
  type StoredJournal,
} from "./resume.js";
export {
  type OpenRecordingOptions,
  openRecording,
  type RecordingReview,
  type VerifyOptions,
} from "./review.js";
export type { ReviewTake, ReviewTrack } from "./review-track.js";
export { type StartRecordingOptions, startRecording } from "./start.js";
export type { StoredObject } from "./stored-object.js";
export type { TakeSource, TakeSourceOptions } from "./take-source.js";
export type { TrackInput } from "./track-writer.js";
export type { UnsignedSegment } from "./unsigned-segment.js";
export type {
  ByteRange,
  Finding,
  FindingCause,
  Gap,
  GapCause,
  Origin,
  RecordingState,
  SegmentVerdict,
  TakeVerdict,
  TimeRange,
  TrackVerdict,
  Verdict,
} from "./verdict.js";
export type { NewRecordingOptions, RecordingOptions } from "./writer-options.js";
