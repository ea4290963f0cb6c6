/**
 * `blindreel/review`: reading recordings: how complete one is, its takes as sources, excerpts and receipts.
 *
 * @module blindreel/review
 * @category Reviewer
 */
export type { MediaPoint } from "../log/entry.js";
export type { Announced, Origin, SignedStatement } from "../log/proof.js";
export {
  type CountersignOptions,
  countersignReceipt,
  type OpenedReceipt,
  openReceipt,
  type ReceiptOptions,
  type WitnessKey,
} from "../log/receipt.js";
export type { ExcerptOptions } from "./excerpt.js";
export { type HttpObjectsOptions, httpObjects } from "./http-objects.js";
export {
  type ExcerptSegment,
  type OpenExcerptOptions,
  type OpenedExcerpt,
  openExcerpt,
} from "./open-excerpt.js";
export type { RetryOptions } from "./retry.js";
export { type OpenRecordingOptions, openRecording, type RecordingReview } from "./review.js";
export type { ReviewTake, ReviewTrack, TakeSegment } from "./review-track.js";
export type { LookupOptions, ObjectListing, ObjectLookup } from "./store.js";
export type { TakeSource, TakeSourceOptions } from "./take-source.js";
export type { UncoveredSegment } from "./uncovered.js";
export type {
  ByteRange,
  Finding,
  FindingCause,
  Gap,
  GapCause,
  LossReport,
  RecordingState,
  Seen,
  SegmentState,
  SegmentVerdict,
  TakeVerdict,
  TimeRange,
  TrackVerdict,
  UncoveredVerdict,
  Verdict,
} from "./verdict.js";
