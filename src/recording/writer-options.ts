import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import type { EnvelopeOptions } from "../envelope/create.js";
import { outOfRange, wrongType } from "../errors.js";
import { CHUNK } from "../stream/geometry.js";
import type { StoredObject } from "./stored-object.js";
import { MOST_CHUNKS } from "./track-writer.js";

/** What a recording that starts and one that goes on have in common. */
export interface RecordingOptions {
  /** Milliseconds after which bytes that do not fill a chunk are sealed all the same: 5000 unless given. */
  readonly flushAfter?: number;
  /** Milliseconds between two checkpoints that are made by themselves, for `onCheckpoint`: 30,000 unless given. */
  readonly checkpointEvery?: number;
  /** Called with every checkpoint that is due. Upload it: without one, a crash that is not resumed leaves no verdict. */
  readonly onCheckpoint?: (manifest: StoredObject) => void;
  /** Bytes written that may wait to be sealed and journalled, all tracks together: 32 MiB unless given. */
  readonly maxQueued?: number;
  /**
   * Bytes of ciphertext that may wait for their upload: beyond, sealing waits. 64 MiB unless given where the journal is
   * in memory, and no limit where it is not.
   */
  readonly maxUnacknowledged?: number;
  /** Bytes of content in one stored object, at most, 1 MiB or more; the next then begins. 64 TiB, what the format allows, unless given. */
  readonly maxSegmentBytes?: number;
  /** What happens when the journal's storage fails: the recording stops (the default), or goes on without it. */
  readonly onJournalFailure?: "stop" | "continue-in-memory";
  /** Overrides the clock. */
  readonly now?: () => Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

/** The same, checked and complete. */
export interface RecordingSettings {
  readonly flushAfter: number;
  readonly checkpointEvery: number;
  readonly onCheckpoint: ((manifest: StoredObject) => void) | undefined;
  readonly maxQueued: number;
  readonly maxUnacknowledged: number;
  readonly maxChunks: number;
  readonly continueInMemory: boolean;
  readonly now: () => Date;
  readonly crypto: CryptoProvider;
}

const MIB = 2 ** 20;

/** @throws TypeError, RangeError. */
export function recordingSettings(options: RecordingOptions, isInMemory: boolean): RecordingSettings {
  const {
    onCheckpoint,
    onJournalFailure = "stop",
    now = () => new Date(),
    maxSegmentBytes = MOST_CHUNKS * CHUNK,
  } = options;
  if (onCheckpoint !== undefined && typeof onCheckpoint !== "function") {
    throw wrongType("onCheckpoint", "a function", onCheckpoint);
  }
  if (typeof now !== "function") throw wrongType("now", "a function that returns a Date", now);
  if (onJournalFailure !== "stop" && onJournalFailure !== "continue-in-memory") {
    throw wrongType("onJournalFailure", '"stop" or "continue-in-memory"', onJournalFailure);
  }
  return {
    flushAfter: positive("flushAfter", options.flushAfter ?? 5000),
    checkpointEvery: positive("checkpointEvery", options.checkpointEvery ?? 30_000),
    onCheckpoint,
    maxQueued: positive("maxQueued", options.maxQueued ?? 32 * MIB),
    maxUnacknowledged: positive(
      "maxUnacknowledged",
      options.maxUnacknowledged ?? (isInMemory ? 64 * MIB : Number.POSITIVE_INFINITY),
    ),
    maxChunks: chunksIn(maxSegmentBytes),
    continueInMemory: onJournalFailure === "continue-in-memory",
    now,
    crypto: options.crypto ?? defaultProvider(),
  };
}

function chunksIn(maxSegmentBytes: number): number {
  if (!(maxSegmentBytes >= MIB)) throw outOfRange("maxSegmentBytes", "1 MiB or more", maxSegmentBytes);
  return Math.min(MOST_CHUNKS, Math.floor(maxSegmentBytes / CHUNK));
}

function positive(name: string, value: number): number {
  if (typeof value !== "number" || !(value > 0)) throw outOfRange(name, "above 0", value);
  return value;
}

/** Who a new recording is for, and what it says; see `seal`. */
export type NewRecordingOptions = RecordingOptions & Omit<EnvelopeOptions, "now" | "crypto">;
