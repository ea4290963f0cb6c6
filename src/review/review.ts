import { defaultProvider } from "../crypto/default.js";
import { deriveManifestKey, hashCore } from "../envelope/key-schedule.js";
import {
  type EnvelopeInfo,
  UNLOCK,
  type UnlockArguments,
  type UnlockOptions,
  unlock,
} from "../envelope/unlock.js";
import { decodeEnvelope } from "../envelope/wire.js";
import { BlindreelError } from "../errors.js";
import { type Bytes, bytesArgument, wipe } from "../formats/bytes.js";
import { LIMITS, type Limits, SenderType } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import {
  type Checks,
  countArgument,
  functionArgument,
  readOptions,
  signalArgument,
} from "../formats/options.js";
import { KeyHolder } from "../log/keys.js";
import { segmentName } from "../log/names.js";
import { type Announced, announcedArgument, checkAnnounced, type Origin } from "../log/proof.js";
import { ManifestState } from "../log/statement.js";
import { dateOf } from "../log/text.js";
import { type ReadOptions, readOptionsOf } from "../source/byte-source.js";
import { asyncDispose, OPERATION, type OperationOptions } from "../stream/operation.js";
import { readBehind } from "./behind.js";
import { EXCERPT, type ExcerptOptions, makeExcerpt } from "./excerpt.js";
import { type ReadLog, readLog } from "./read-log.js";
import { type RetryOptions, retryArgument } from "./retry.js";
import { type ReviewContext, ReviewTrack } from "./review-track.js";
import { type ObjectListing, type ObjectLookup, Store } from "./store.js";
import { findUncovered, type UncoveredSegment } from "./uncovered.js";
import type { RecordingState, Verdict } from "./verdict.js";
import { verifyRecording } from "./verify.js";

/** Options of {@link openRecording}. */
export interface OpenRecordingOptions extends UnlockOptions {
  /** Where the recording's objects are: `httpObjects(base)`, say. */
  readonly objects: ObjectLookup;
  /**
   * Names the stored objects. With it manifests are found without being given, whatever their numbers, and `verify` sees what
   * nobody signed and what was signed twice. Without it, and without `manifest`, manifests are looked for by name, from
   * `manifest-00000000` upward, until 8 in a row are missing.
   */
  readonly list?: ObjectListing;
  /**
   * The recording's manifest, or all that are known: the one with the highest sequence counts, of these and of those
   * listed. A single one has to open; of several, those that do not are left out and reported by `verify`.
   */
  readonly manifest?: Uint8Array | readonly Uint8Array[];
  /**
   * The coreHash announced at the recording's start by a way that the server does not control. Without it the
   * recording may be another one put in its place.
   */
  readonly expected?: Announced;
  /** Refuse manifests older than this sequence (`stale-manifest`). */
  readonly minSequence?: number;
  /** How often and how long the store is asked, here and by everything that is read later. */
  readonly retry?: RetryOptions;
  /** For what is fetched here: manifests and pages. */
  readonly signal?: AbortSignal;
}

/**
 * For reviewers: opens the envelope with their keys, finds the manifest that counts, fetches the pages of its log and checks
 * them (format-v1, "Reading a recording"). Segments are fetched only by the review's methods and the takes' sources. What
 * the store lists is listed here, once.
 *
 * @param envelope the envelope alone.
 * @throws BlindreelError as `open` for the envelope; `unexpected-recording` where the announced coreHash is another,
 *   before any key is used; `wrong-recording`, `authentication-failed`, `malformed`, `unsupported-version`,
 *   `truncated`, `limit-exceeded` for a single manifest; `stale-manifest`; `source-failed`, `source-changed`; `limit-exceeded` for
 *   an endless listing, and for manifests without end; `signal.reason`. TypeError and RangeError for the options.
 */
export async function openRecording(
  envelope: Uint8Array,
  given: OpenRecordingOptions,
): Promise<RecordingReview> {
  const options = readOptions<OpenRecordingArguments>("options", given, OPEN, ["identities", "objects"]);
  const { crypto = defaultProvider(), limits = LIMITS, manifest, expected, minSequence, signal } = options;
  const store = new Store(options.objects, options.list, options.retry);
  const decoded = decodeEnvelope(bytesArgument("envelope", envelope).slice(), limits);
  const { core, coreParts } = decoded;
  const origin = checkAnnounced(await hashCore(crypto, coreParts), expected);

  const { info, coreHash, contentKey, readKey, fileKey } = await unlock(decoded, ["recording"], options);
  wipe(fileKey);
  const manifestKey = await deriveManifestKey(crypto, readKey, coreHash);
  wipe(readKey);
  const { recordingId, sender, senderType } = core;
  const holder = new KeyHolder({ contentKey, manifestKey }, "the recording");
  try {
    const binding =
      senderType === SenderType.ed25519 ? { recordingId, coreHash, manifestKey, sender } : undefined;
    const source = { crypto, binding, recordingId, store, limits, given: manifest };
    const log = await holder.use(() => readLog(source, signal ? { signal } : {}));
    checkSequence(log.head?.sequence, minSequence);
    const id = encodeHex(recordingId);
    const context: ReviewContext = {
      holder,
      binding: { crypto, recordingId },
      store,
      nameOf: ({ track, index }) => segmentName(id, track, index),
    };
    const sealing = { coreBytes: coreParts.bytes, coreHash, sender: binding && sender };
    return new RecordingReview(info, { context, log, origin, limits, sealing });
  } catch (error) {
    await holder.close();
    throw error;
  }
}

/** Manifests that were given, copied. */
export interface GivenManifests {
  readonly list: readonly Bytes[];
  /** Not one of several: it has to open. */
  readonly isSingle: boolean;
}

interface OpenRecordingArguments extends Omit<OpenRecordingOptions & UnlockArguments, "manifest" | "retry"> {
  readonly manifest?: GivenManifests;
  readonly retry?: Required<RetryOptions>;
}

const OPEN: Checks<OpenRecordingArguments> = {
  ...UNLOCK,
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

function checkSequence(sequence: number | undefined, minSequence = 0): void {
  if (minSequence === 0 || (sequence !== undefined && sequence >= minSequence)) return;
  const newest =
    sequence === undefined ? "no manifest was found" : `the newest manifest has sequence ${sequence}`;
  const message = `${newest}, older than the ${minSequence} that was asked for`;
  throw new BlindreelError("stale-manifest", message, { sequence, minSequence });
}

/** What a review was opened from. */
export interface OpenedReview {
  readonly context: ReviewContext;
  readonly log: ReadLog;
  readonly origin: Origin;
  readonly limits: Limits;
  readonly sealing: {
    readonly coreBytes: Bytes;
    readonly coreHash: Bytes;
    /** Undefined where the core names no key that signs. */
    readonly sender: Bytes | undefined;
  };
}

/** A recording opened for review. Made by {@link openRecording}; close it when done. */
export class RecordingReview implements EnvelopeInfo {
  readonly recordingId: EnvelopeInfo["recordingId"];
  readonly coreHash: EnvelopeInfo["coreHash"];
  readonly createdAt: EnvelopeInfo["createdAt"];
  readonly policy: EnvelopeInfo["policy"];
  readonly metadata: EnvelopeInfo["metadata"];
  readonly epoch: EnvelopeInfo["epoch"];
  readonly keyIds: EnvelopeInfo["keyIds"];
  readonly origin: Origin;
  /** Sequence of the manifest that counts; undefined where there is none. */
  readonly sequence: number | undefined;
  /** Its log's root in 64 hex digits, and how many entries it has: where a receipt says the same, it is of what is reviewed. */
  readonly logRoot: string | undefined;
  readonly logSize: number | undefined;
  /** When the recorder began, by its clock; undefined without a manifest. */
  readonly startedAt: Date | undefined;
  /** When it ended, or when the checkpoint that counts was made. */
  readonly endedAt: Date | undefined;
  /** How the recording ended, as its recorder says; undefined where nothing says that it did. */
  readonly reason: string | undefined;
  /** By id; empty without a manifest. */
  readonly tracks: readonly ReviewTrack[];
  readonly #opened: OpenedReview;
  #state: RecordingState | undefined;

  /** @internal */
  constructor(info: EnvelopeInfo, opened: OpenedReview) {
    this.recordingId = info.recordingId;
    this.coreHash = info.coreHash;
    this.createdAt = info.createdAt;
    this.policy = info.policy;
    this.metadata = info.metadata;
    this.epoch = info.epoch;
    this.keyIds = info.keyIds;
    this.origin = opened.origin;
    this.#opened = opened;
    const { head, tracks } = opened.log;
    this.sequence = head?.sequence;
    this.logRoot = head && encodeHex(head.statement.logRoot);
    this.logSize = head?.size;
    this.startedAt = head && dateOf(head.details.started);
    this.endedAt = head && dateOf(head.details.ended);
    this.reason = head?.state === ManifestState.final ? head.details.reason : undefined;
    this.tracks = tracks.map((layout) => new ReviewTrack(layout, opened.context));
  }

  /** `unverified` until {@link verify} is done; then what that found. */
  get status(): "unverified" | RecordingState {
    return this.#state ?? "unverified";
  }

  /** @throws BlindreelError `unknown-track`, with the names that there are. */
  track(name: string): ReviewTrack {
    const found = this.tracks.find((track) => track.name === name);
    if (found) return found;
    const tracks = this.tracks.map((track) => track.name);
    const message = `this recording has no track "${name}"; it has ${tracks.join(", ") || "none"}`;
    throw new BlindreelError("unknown-track", message, { tracks });
  }

  /**
   * Checks everything that is stored against everything that was signed (format-v1, "Verdict"): all ciphertext is hashed, and
   * what is padded, or behind an open manifest, is opened. Each object costs one request; at most 32 MiB are held. Progress
   * is in bytes of ciphertext.
   *
   * @throws BlindreelError `source-failed`, `source-changed`: a network that fails is no verdict, and neither is a platform
   *   that does (`unsupported-runtime`, `provider-fault`); `closed`; `signal.reason`.
   */
  async verify(given?: OperationOptions): Promise<Verdict> {
    const options = readOptions<OperationOptions>("options", given, OPERATION);
    const { onProgress } = options;
    const verdict = await this.#run(options, (signal) =>
      verifyRecording(this.#opened, { signal, ...(onProgress ? { onProgress } : {}) }),
    );
    this.#state = verdict.state;
    return verdict;
  }

  /**
   * What a crash left: stored segments that the manifest does not cover, since it is open (or a page is missing), and that
   * authenticate under the keys. Somebody who could open the recording wrote them; whether the recorder did, nobody says, but for
   * those that a page behind the manifest lists, which are compared with it. Found by the store's listing, or by name, index by
   * index.
   *
   * @throws BlindreelError as {@link verify}.
   */
  async uncovered(options?: ReadOptions): Promise<UncoveredSegment[]> {
    return this.#run(readOptionsOf(options), async (signal) => {
      const behind = await readBehind(this.#opened, { signal });
      const { segments } = await findUncovered(this.#opened, behind, { signal });
      return segments;
    });
  }

  /**
   * For hearings: whole segments of one take, with the proof that they belong to this recording, for somebody who holds no
   * key; read by `openExcerpt` (format-v1, "Excerpt"). They are the take's first, which has the media's initialisation part,
   * and all that overlap `[from, to)`. See there for what it discloses.
   *
   * @param range times are Dates or milliseconds since 1970.
   * @returns bytes that hold those segments' keys: show them to nobody else. Without objects it is a scoped grant, to be sealed
   *   to its reader.
   * @throws BlindreelError `unknown-track`; `truncated` where pages or segments are missing that it needs;
   *   `authentication-failed`; `limit-exceeded` above 64 MiB; `source-failed`; `closed`. RangeError where nothing was recorded
   *   then, or more than one take was.
   */
  async excerpt(track: string, range: ExcerptOptions): Promise<Bytes> {
    const options = readOptions<ExcerptOptions>("range", range, EXCERPT, ["from", "to"]);
    return this.#run(options, (signal) => {
      const { id } = this.track(track);
      return makeExcerpt(this.#opened, id, options, { signal });
    });
  }

  /** Ends what is under way with `closed`, then forgets the keys; sources that were made from here stop working. */
  close(): Promise<void> {
    return this.#opened.context.holder.close();
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Nothing that runs here outlives the keys. */
  async #run<T>(
    { signal }: { readonly signal?: AbortSignal },
    action: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { holder } = this.#opened.context;
    const either = signal ? AbortSignal.any([signal, holder.signal]) : holder.signal;
    return holder.use(async () => {
      const result = await action(either);
      either.throwIfAborted();
      return result;
    });
  }
}
