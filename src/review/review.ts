import { defaultProvider } from "../crypto/default.js";
import { hashCore } from "../envelope/key-schedule.js";
import {
  type EnvelopeInfo,
  grantsArgument,
  type ReadKeySource,
  UNLOCK,
  type UnlockArguments,
  type UnlockOptions,
} from "../envelope/unlock.js";
import { decodeEnvelope } from "../envelope/wire.js";
import { BlindreelError } from "../errors.js";
import { type Bytes, bytesArgument } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import {
  type Checks,
  countArgument,
  functionArgument,
  readOptions,
  signalArgument,
} from "../formats/options.js";
import { dateOf } from "../log/fields.js";
import { type Announced, announcedArgument, checkAnnounced, type Origin } from "../log/proof.js";
import { ManifestState } from "../log/statement.js";
import { type ReadOptions, readOptionsOf } from "../source/byte-source.js";
import { asyncDispose, OPERATION, type OperationOptions } from "../stream/operation.js";
import { EXCERPT, type ExcerptOptions, makeExcerpt } from "./excerpt.js";
import { findManifests, type GivenManifests, listObjects } from "./manifests.js";
import { type RecordingLog, readBehind, readLog } from "./read-log.js";
import { type RetryOptions, retryArgument } from "./retry.js";
import { ReviewTrack } from "./review-track.js";
import { type ObjectListing, type ObjectLookup, Store } from "./store.js";
import { findUncovered, type UncoveredSegment, uncoveredSegment } from "./uncovered.js";
import { runWithKeys, type UnlockedRecording, unlockRecording } from "./unlocked-recording.js";
import type { RecordingState, Verdict } from "./verdict.js";
import { verifyRecording } from "./verify.js";

/** Options of {@link openRecording}. */
export interface OpenRecordingOptions extends UnlockOptions {
  /** Of `verifyGrant`: what opens the recording where no identity does. See `isReadOnly`. */
  readonly grants?: ReadKeySource | readonly ReadKeySource[];
  /** Finds the recording's objects: `httpObjects(base)`, say. */
  readonly objects: ObjectLookup;
  /**
   * Names the stored objects. With it manifests are found without being given, whatever their numbers, and `verify` sees
   * unsigned and twice signed objects. Without it, and without `manifest`, manifests are looked for by name, from
   * `manifest-00000000` upward, until 8 in a row are missing.
   */
  readonly list?: ObjectListing;
  /**
   * The recording's manifest, or all known ones: the one with the highest sequence counts, of these and of those
   * listed. A single one has to open; of several, those that do not are left out and reported by `verify`.
   */
  readonly manifest?: Uint8Array | readonly Uint8Array[];
  /**
   * The coreHash announced at the recording's start by a way outside the server's control. Without it the
   * recording may be another one put in its place.
   */
  readonly expected?: Announced;
  /** Refuse manifests older than this sequence (`stale-manifest`). */
  readonly minSequence?: number;
  /** Attempts and time limits of every request to the store, here and later. */
  readonly retry?: RetryOptions;
  /** For the manifests and pages fetched here. */
  readonly signal?: AbortSignal;
}

/**
 * For reviewers: opens the envelope with their keys, finds the manifest that counts, fetches the pages of its log and checks
 * them (format-v1, "Verdict"). Segments are fetched only by the review's methods and the takes' sources. The store is listed
 * here, once.
 *
 * @param envelope the envelope alone.
 * @throws BlindreelError as `open` for the envelope; `unexpected-recording` where the announced coreHash is another,
 *   before any key is used; `grant-refused` where grants were given and none is of it; `wrong-recording`, `authentication-failed`, `malformed`, `unsupported-version`,
 *   `truncated`, `limit-exceeded` for a single manifest; `stale-manifest`; `source-failed`, `source-changed`; `limit-exceeded` for
 *   an endless listing, and for manifests without end; `signal.reason`. TypeError and RangeError for the options.
 */
export async function openRecording(
  envelope: Uint8Array,
  given: OpenRecordingOptions,
): Promise<RecordingReview> {
  const options = readOptions<OpenRecordingArguments>("options", given, OPEN, ["identities", "objects"]);
  const { crypto = defaultProvider(), limits = LIMITS, signal } = options;
  const reading = signal ? { signal } : {};
  const store = new Store(options.objects, options.list, options.retry);

  const decoded = decodeEnvelope(bytesArgument("envelope", envelope).slice(), limits);
  const origin = checkAnnounced(await hashCore(crypto, decoded.coreParts), options.expected);
  const { recording, info } = await unlockRecording(decoded, store, { ...options, crypto, limits });
  try {
    const names = await listObjects(recording, reading);
    const manifests = await findManifests(recording, names, options.manifest, reading);
    const log = await readLog(recording, names, manifests, reading);
    checkMinSequence(log.head?.sequence, options.minSequence);
    return new RecordingReview(recording, info, origin, log);
  } catch (error) {
    await recording.keys.close();
    throw error;
  }
}

interface OpenRecordingArguments
  extends Omit<OpenRecordingOptions & UnlockArguments, "grants" | "manifest" | "retry"> {
  readonly grants?: readonly ReadKeySource[];
  readonly manifest?: GivenManifests;
  readonly retry?: Required<RetryOptions>;
}

const OPEN: Checks<OpenRecordingArguments> = {
  ...UNLOCK,
  grants: grantsArgument,
  objects: functionArgument,
  list: functionArgument,
  manifest(name, value) {
    const isSingle = !Array.isArray(value);
    const list: readonly unknown[] = isSingle ? [value] : [...value];
    return { list: list.map((bytes) => bytesArgument(name, bytes).slice()), isSingle };
  },
  expected: announcedArgument,
  minSequence: countArgument,
  retry: retryArgument,
  signal: signalArgument,
};

function checkMinSequence(sequence: number | undefined, minSequence = 0): void {
  if (minSequence === 0 || (sequence !== undefined && sequence >= minSequence)) return;
  const newest =
    sequence === undefined ? "no manifest was found" : `the newest manifest has sequence ${sequence}`;
  const message = `${newest}, older than the ${minSequence} that was asked for`;
  throw new BlindreelError("stale-manifest", message, { sequence, minSequence });
}

/** A recording opened for review. Made by {@link openRecording}; close it when done. */
export class RecordingReview implements EnvelopeInfo {
  readonly recordingId: EnvelopeInfo["recordingId"];
  readonly coreHash: EnvelopeInfo["coreHash"];
  readonly createdAt: EnvelopeInfo["createdAt"];
  readonly policy: EnvelopeInfo["policy"];
  readonly metadata: EnvelopeInfo["metadata"];
  readonly keyset: EnvelopeInfo["keyset"];
  readonly epoch: EnvelopeInfo["epoch"];
  readonly keyIds: EnvelopeInfo["keyIds"];
  /**
   * Opened with the read key of a grant alone: the MAC cannot be checked, so `epoch` and `keyIds` are not authenticated, and
   * `minEpoch` has no effect.
   */
  readonly isReadOnly: boolean;
  readonly origin: Origin;
  /** Sequence of the manifest that counts; undefined where there is none. */
  readonly sequence: number | undefined;
  /** Its log's root in 64 hex digits and number of entries, to be compared with a receipt's. */
  readonly logRoot: string | undefined;
  readonly logSize: number | undefined;
  /** The recording's beginning, by the recorder's clock; undefined without a manifest. */
  readonly startedAt: Date | undefined;
  /** Its end, or the time of the checkpoint that counts. */
  readonly endedAt: Date | undefined;
  /** The final manifest's reason; undefined without one. */
  readonly reason: string | undefined;
  /** By id; empty without a manifest. */
  readonly tracks: readonly ReviewTrack[];
  readonly #recording: UnlockedRecording;
  readonly #log: RecordingLog;
  #state: RecordingState | undefined;

  /** @internal */
  constructor(recording: UnlockedRecording, info: EnvelopeInfo, origin: Origin, log: RecordingLog) {
    this.recordingId = info.recordingId;
    this.coreHash = info.coreHash;
    this.createdAt = info.createdAt;
    this.policy = info.policy;
    this.metadata = info.metadata;
    this.keyset = info.keyset;
    this.epoch = info.epoch;
    this.keyIds = info.keyIds;
    this.isReadOnly = recording.isReadOnly;
    this.origin = origin;
    this.#recording = recording;
    this.#log = log;
    const { head, layout } = log;
    this.sequence = head?.sequence;
    this.logRoot = head && encodeHex(head.statement.logRoot);
    this.logSize = head?.size;
    this.startedAt = head && dateOf(head.details.started);
    this.endedAt = head && dateOf(head.details.ended);
    this.reason = head?.state === ManifestState.final ? head.details.reason : undefined;
    const { startedAt = new Date(0) } = this;
    this.tracks = layout.tracks.map((track) => new ReviewTrack(track, recording, startedAt));
  }

  /** `unverified` until {@link verify} is done; then the verdict's state. */
  get status(): "unverified" | RecordingState {
    return this.#state ?? "unverified";
  }

  /** @throws BlindreelError `unknown-track`, with the known names. */
  track(name: string): ReviewTrack {
    const found = this.tracks.find((track) => track.name === name);
    if (found) return found;
    const tracks = this.tracks.map((track) => track.name);
    const message = `this recording has no track "${name}"; it has ${tracks.join(", ") || "none"}`;
    throw new BlindreelError("unknown-track", message, { tracks });
  }

  /**
   * Checks everything stored against everything signed (format-v1, "Verdict"): all ciphertext is hashed; padded segments, and
   * those behind an open manifest, are opened. Each object costs one request; at most 32 MiB are held. Progress is in bytes of
   * ciphertext.
   *
   * @throws BlindreelError `source-failed`, `source-changed`: a failing network is no verdict, and neither is a failing platform
   *   (`unsupported-runtime`, `provider-fault`); `closed`; `signal.reason`.
   */
  async verify(given?: OperationOptions): Promise<Verdict> {
    const options = readOptions<OperationOptions>("options", given, OPERATION);
    const verdict = await runWithKeys(this.#recording, options, (signal) =>
      verifyRecording(this.#recording, this.#log, this.origin, { ...options, signal }),
    );
    this.#state = verdict.state;
    return verdict;
  }

  /**
   * After a crash: stored segments that the manifest does not cover, since it is open (or a page is missing), and that
   * authenticate under the keys. Their author could open the recording; that it was the recorder is known only of those that a
   * page behind the manifest lists, which are compared with it. Found by the store's listing, or by name, index by index.
   *
   * @throws BlindreelError as {@link verify}.
   */
  async uncovered(options?: ReadOptions): Promise<UncoveredSegment[]> {
    return runWithKeys(this.#recording, readOptionsOf(options), async (signal) => {
      const behind = await readBehind(this.#recording, this.#log, { signal });
      const { segments } = await findUncovered(this.#recording, this.#log, behind, { signal });
      return segments.map((segment) => uncoveredSegment(this.#recording, segment));
    });
  }

  /**
   * For hearings: whole segments of one take, with the proof that they belong to this recording, for a reader without keys; read
   * by `openExcerpt` (format-v1, "Excerpt", also for what it discloses). They are the take's first, which has the media's
   * initialisation part, and all that overlap `[from, to)`.
   *
   * @param range times are Dates or milliseconds since 1970.
   * @returns bytes with those segments' keys, for their reader alone. Without objects it is a scoped grant, to be sealed to its
   *   reader.
   * @throws BlindreelError `unknown-track`; `truncated` where a page or segment it needs is missing;
   *   `authentication-failed`; `limit-exceeded` above 64 MiB; `source-failed`; `closed`. RangeError where nothing was recorded
   *   then, or more than one take was.
   */
  async excerpt(track: string, range: ExcerptOptions): Promise<Bytes> {
    const options = readOptions<ExcerptOptions>("range", range, EXCERPT, ["from", "to"]);
    return runWithKeys(this.#recording, options, async (signal) => {
      const { id } = this.track(track);
      return makeExcerpt(this.#recording, this.#log, id, options, { signal });
    });
  }

  /** Ends everything under way with `closed`, the takes' sources too, then wipes the keys. */
  close(): Promise<void> {
    return this.#recording.keys.close();
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }
}
