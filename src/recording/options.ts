import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { ENVELOPE, type EnvelopeOptions } from "../envelope/create.js";
import { outOfRange, wrongType } from "../errors.js";
import { utf8 } from "../formats/bytes.js";
import {
  type Check,
  type Checks,
  flagArgument,
  functionArgument,
  readOptions,
  withDefaults,
} from "../formats/options.js";
import { wellFormedText } from "../formats/text.js";
import { MAX_LABEL } from "../storage/guarded.js";
import type { JournalStore } from "../storage/store.js";
import type { Padding } from "../stream/padding.js";
import type { RecordingEvent } from "./events.js";

/** Options of recordings, started or resumed. */
export interface RecordingOptions {
  /** Longest time from a segment's start to its upload, in milliseconds: 10,000 unless given. */
  readonly segmentEvery?: number;
  /** Milliseconds between two checkpoints: 30,000 unless given. `Infinity`: none. */
  readonly checkpointEvery?: number;
  /** Bytes written that may wait to be sealed and journalled, all tracks together: 32 MiB unless given. */
  readonly maxQueued?: number;
  /**
   * Bytes of ciphertext that may wait for their upload: beyond, sealing waits. 64 MiB unless given where the journal is in
   * memory, and unlimited otherwise.
   */
  readonly maxUnacknowledged?: number;
  /** On failure of the journal's storage the recording stops (the default), or goes on without it. */
  readonly onJournalFailure?: "stop" | "continue-in-memory";
  /** Told of all that no call's result tells: see {@link RecordingEvent}. Its exceptions are ignored. */
  readonly onEvent?: (event: RecordingEvent) => void;
  /** Overrides the clock, which is asked once, at the start. */
  readonly now?: () => Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

/** Options of {@link startRecording}: recipients, policy and metadata as for `seal`, and the journal. */
export interface StartRecordingOptions extends RecordingOptions, Omit<EnvelopeOptions, "now" | "crypto"> {
  /** Store of ciphertext until it is acknowledged, and of all that a resume needs. Memory unless given. */
  readonly journal?: JournalStore;
  /** Tells this journal from others on the machine; not sealed. At most 255 bytes of UTF-8. */
  readonly label?: string;
}

/** Options of {@link resumeRecording}. */
export interface ResumeOptions extends RecordingOptions {
  /** Uploads the journal's objects, without keys and without writes. */
  readonly uploadOnly?: boolean;
  /** Takes the journal of an owner that cannot be proved to be gone. Only where you know that it is. */
  readonly takeOver?: boolean;
}

/** Options of a recording's `finish`. */
export interface FinishOptions {
  /** Milliseconds to wait for recorders and tracks: 10,000 unless given. Input that is unsealed then is a loss. */
  readonly timeout?: number;
}

/** Options of a track, stated on its first use. */
export interface TrackOptions {
  /**
   * Hides lengths: `"chunk"` fills whole chunks of 16 KiB, `"padme"` costs at most 12 %. Tracks written as text are padded to
   * whole chunks unless this says otherwise.
   */
  readonly padding?: Padding | "none";
  /**
   * Milliseconds: the track seals exactly one segment of one chunk (16,375 bytes) so often, whether or not something was
   * written, so that the times of its uploads say nothing. 100 at least.
   */
  readonly cadence?: number;
}

/** The same, checked and complete. */
export interface RecordingSettings extends Required<Omit<RecordingOptions, "onJournalFailure">> {
  readonly continueInMemory: boolean;
  /** Whether no journal was given: a crash is not survived. */
  readonly isInMemory: boolean;
}

/** A duration in milliseconds, or a number of bytes; `Infinity` is one. */
export const positive: Check<number> = (name, value) => {
  if (typeof value !== "number") throw wrongType(name, "a number", value);
  if (!(value > 0)) throw outOfRange(name, "above 0", value);
  return value;
};

export function oneOf<T extends string>(...known: readonly T[]): Check<T> {
  return (name, value) => {
    if (!(known as readonly unknown[]).includes(value))
      throw wrongType(name, known.map((each) => `"${each}"`).join(" or "), value);
    return value as T;
  };
}

/** Well-formed text of at most `ceiling` bytes of UTF-8. */
export function boundedTextArgument(name: string, value: unknown, fewest: number, ceiling: number): string {
  const text = wellFormedText(name, value);
  const { length } = utf8(text);
  if (length < fewest || length > ceiling)
    throw outOfRange(name, `${fewest} to ${ceiling} bytes of UTF-8`, `${length} bytes`);
  return text;
}

const storeArgument: Check<JournalStore> = (name, value) => {
  if (typeof (value as JournalStore | null)?.create !== "function")
    throw wrongType(name, "a journal's storage, as indexedDbJournal() makes it", value);
  return value as JournalStore;
};

const RECORDING = (): Checks<RecordingOptions> => ({
  segmentEvery: positive,
  checkpointEvery: positive,
  maxQueued: positive,
  maxUnacknowledged: positive,
  onJournalFailure: oneOf("stop", "continue-in-memory"),
  onEvent: functionArgument,
  now: functionArgument,
  crypto: providerArgument,
});

export function readStartOptions(given: unknown): StartRecordingOptions {
  const { now: _now, crypto: _crypto, ...envelope } = ENVELOPE;
  return readOptions<StartRecordingOptions>(
    "options",
    given,
    {
      ...RECORDING(),
      ...envelope,
      journal: storeArgument,
      label: (name, value) => boundedTextArgument(name, value, 0, MAX_LABEL),
    },
    ["to"],
  );
}

export function readResumeOptions(given: unknown): ResumeOptions {
  return readOptions<ResumeOptions>("options", given, {
    ...RECORDING(),
    uploadOnly: flagArgument,
    takeOver: flagArgument,
  });
}

export function readFinishOptions(given: unknown): Required<FinishOptions> {
  return withDefaults(readOptions<FinishOptions>("options", given, { timeout: positive }), {
    timeout: 10_000,
  });
}

const SHORTEST_CADENCE = 100;

export function readTrackOptions(given: unknown): TrackOptions {
  const options = readOptions<TrackOptions>("options", given, {
    padding: oneOf("chunk", "padme", "none"),
    cadence: positive,
  });
  const { cadence, padding } = options;
  if (cadence !== undefined && !(cadence >= SHORTEST_CADENCE && Number.isFinite(cadence)))
    throw outOfRange("options.cadence", `${SHORTEST_CADENCE} milliseconds or more`, cadence);
  if (cadence !== undefined && padding !== undefined && padding !== "chunk")
    throw outOfRange("options.padding", '"chunk" where there is a cadence', padding);
  return options;
}

const MIB = 2 ** 20;

export function recordingSettings(
  options: RecordingOptions,
  { isInMemory }: { readonly isInMemory: boolean },
): RecordingSettings {
  const { onEvent = () => {} } = options;
  return {
    segmentEvery: options.segmentEvery ?? 10_000,
    checkpointEvery: options.checkpointEvery ?? 30_000,
    maxQueued: options.maxQueued ?? 32 * MIB,
    maxUnacknowledged: options.maxUnacknowledged ?? (isInMemory ? 64 * MIB : Number.POSITIVE_INFINITY),
    continueInMemory: options.onJournalFailure === "continue-in-memory",
    isInMemory,
    onEvent: (event) => {
      try {
        onEvent(event);
      } catch {
        // The caller's exception: nothing of the recording depends on it.
      }
    },
    now: options.now ?? (() => new Date()),
    crypto: options.crypto ?? defaultProvider(),
  };
}
