import type { MediaRecorderLike, RecordOptions } from "./recorder.js";
import type { StoredObject } from "./stored-object.js";
import type { TrackInput } from "./track-writer.js";

/** One stream of content of a recording. */
export interface RecordingTrack {
  readonly name: string;
  /** As in the parts of this track, and in the names of its objects. */
  readonly id: number;
  /**
   * Appends a Blob, bytes, or text as UTF-8, in the order of the calls; bytes are copied before it returns.
   *
   * @returns resolves once what fills whole chunks is sealed and journalled. Wait for it: that is the backpressure.
   * @throws BlindreelError `queue-full`, and nothing of it was taken; `closed`; what the journal's storage failed with.
   */
  write(data: TrackInput): Promise<void>;
  /** What is written from now on is a take of its own: it plays apart from what was written before. */
  startTake(options?: { readonly type?: string }): void;
  /**
   * Writes all that a recorder gives, as a take of its own. Start it with a timeslice, before or after, or it gives
   * everything at its end.
   *
   * @returns resolves once it has stopped and its last blob is sealed and journalled.
   */
  record(mediaRecorder: MediaRecorderLike, options?: RecordOptions): Promise<void>;
}

/** How a recording ended. */
export interface FinishedRecording {
  /** The closing manifest, to be uploaded; undefined where the journal's storage had lost the key that signs it. */
  readonly manifest: StoredObject | undefined;
  /** Names of tracks that did not hand over everything in time. The manifest says so too. */
  readonly undrained: readonly string[];
  /** The server has the manifest: once it has all parts too, the journal is erased. */
  acknowledge(): void;
}
