import type { Copies } from "./blocks.js";
import type { SegmentContext } from "./segment.js";

/** What a recording's tracks have in common. */
export interface TrackHost extends SegmentContext {
  /** Milliseconds since 1970. */
  readonly time: () => number;
  /** Milliseconds after which a segment ends. */
  readonly segmentEvery: number;
  readonly maxQueued: number;
  readonly copies: Copies;
  /** Bytes of all tracks that were written and are not sealed and journalled. */
  queuedBytes: number;
  /** Whether no ciphertext may be made now: too much of it waits for the server. */
  isFull(): boolean;
  /** Resolves when it may be made. */
  room(): Promise<void>;
  /** Fails for good where the log is full. */
  checkLog(): void;
  /** Told when entries are in the journal. */
  logged(): void;
  /** Ends the recording's writing. */
  fail(error: unknown): void;
}

export interface NewTake {
  time: number;
  type: string;
}

export interface WriteOptions {
  /** When it was recorded, by {@link TrackHost.time}. */
  readonly time?: number;
  /** Whether `maxQueued` holds for it. */
  readonly isBounded?: boolean;
  /** Begin a segment with it: a key frame. */
  readonly startsSegment?: boolean;
  /** End the segment behind it: a media initialisation part. */
  readonly endsSegment?: boolean;
}
