import { defaultProvider } from "../crypto/default.js";
import { deriveManifestKey, hashCore } from "../envelope/key-schedule.js";
import { type EnvelopeInfo, type UnlockOptions, unlock, unlockArguments } from "../envelope/unlock.js";
import { decodeEnvelope, effectiveLimits } from "../envelope/wire.js";
import { BlindreelError, closedError, outOfRange, wrongType } from "../errors.js";
import { bytesArgument, wipe } from "../formats/bytes.js";
import { ManifestState, SenderType } from "../formats/constants.js";
import type { ReadOptions } from "../source/byte-source.js";
import { asyncDispose, type OperationOptions } from "../stream/operation.js";
import { layOutTracks } from "./layout.js";
import type { OpenedManifest } from "./manifest-seal.js";
import { addStoredManifests, checkSequence, type ManifestChoice, ManifestChooser } from "./manifests.js";
import type { ObjectListing, ObjectLookup } from "./objects.js";
import { checkAnnounced } from "./origin.js";
import { ReviewTrack } from "./review-track.js";
import type { RecordingKeys } from "./segment-reader.js";
import { openUnsignedSegment, type UnsignedSegment } from "./unsigned-segment.js";
import { type Origin, type RecordingState, stateOf, type Verdict } from "./verdict.js";
import { verifyObjects } from "./verify.js";

export interface OpenRecordingOptions extends UnlockOptions {
  /**
   * The recording's manifest, or all that are known: the one with the highest sequence counts. A single one has to
   * open; of several, those that do not are left out and reported by `verify`.
   */
  readonly manifest?: Uint8Array | readonly Uint8Array[];
  /** Where the recording's objects are; may also be given to each call that needs it. */
  readonly objects?: ObjectLookup;
  /**
   * Names the stored objects. With it manifests are found without being given, and `verify` sees segments that
   * nobody signed.
   */
  readonly list?: ObjectListing;
  /**
   * The coreHash announced at the recording's start by a way that the server does not control. Without it the
   * recording may be another one put in its place.
   */
  readonly expected?: { readonly coreHash: string };
  /** Refuse manifests older than this sequence (`stale-manifest`). */
  readonly minSequence?: number;
  /** For fetching manifests. */
  readonly signal?: AbortSignal;
}

export interface VerifyOptions extends OperationOptions {
  readonly objects?: ObjectLookup;
  readonly list?: ObjectListing;
}

/**
 * Opens a recording for review: the envelope with the caller's keys, then its manifest. Segments are fetched only by
 * {@link RecordingReview.verify} and by the takes' sources.
 *
 * @param envelope the envelope alone.
 * @throws BlindreelError as `open` for the envelope; `unexpected-recording` where the announced coreHash is another,
 *   before any key is used; `wrong-recording`, `authentication-failed`, `malformed`, `unsupported-version`,
 *   `truncated`, `limit-exceeded` for a single manifest; `stale-manifest`.
 */
export async function openRecording(
  envelope: Uint8Array,
  given: OpenRecordingOptions,
): Promise<RecordingReview> {
  const options = unlockArguments(given);
  const crypto = options.crypto ?? defaultProvider();
  const limits = effectiveLimits(options.limits);
  checkMinSequence(options.minSequence);
  const manifests = manifestArguments(options.manifest);
  const decoded = decodeEnvelope(bytesArgument("envelope", envelope).slice(), limits);
  const { core, coreParts } = decoded;
  const origin = checkAnnounced(await hashCore(crypto, coreParts), options.expected);

  const { info, coreHash, contentKey, readKey, fileKey } = await unlock(decoded, ["recording"], options);
  wipe(fileKey);
  const manifestKey = await deriveManifestKey(crypto, readKey, coreHash);
  wipe(readKey);
  const { recordingId } = core;
  try {
    let choice: ManifestChoice = { newest: undefined, findings: [{ cause: "no-sender" }] };
    if (core.senderType === SenderType.ed25519) {
      const binding = { recordingId, coreHash, manifestKey, sender: core.sender };
      const chooser = new ManifestChooser(crypto, binding, limits.manifest);
      const [only] = manifests;
      if (only && !Array.isArray(options.manifest)) await chooser.add(only);
      else for (const bytes of manifests) await chooser.addUntrusted(bytes);
      const { objects, list, signal } = options;
      if (objects && list) {
        const limit = limits.manifest;
        await addStoredManifests(chooser, recordingId, objects, list, {
          limit,
          ...(signal ? { signal } : {}),
        });
      }
      choice = chooser.result();
    }
    checkSequence(choice, options.minSequence);
    const keys: RecordingKeys = { crypto, recordingId, contentKey };
    return new RecordingReview(info, { keys, core: coreParts.bytes, choice, origin, options });
  } catch (error) {
    wipe(contentKey);
    throw error;
  } finally {
    wipe(manifestKey);
  }
}

function manifestArguments(manifest: OpenRecordingOptions["manifest"]): readonly Uint8Array[] {
  if (manifest === undefined) return [];
  const list: readonly Uint8Array[] = Array.isArray(manifest) ? [...manifest] : [manifest as Uint8Array];
  // Copied now: the caller may change them while the envelope is being opened.
  return list.map((bytes) => bytesArgument("a manifest", bytes).slice());
}

function checkMinSequence(minSequence: number | undefined): void {
  if (minSequence === undefined) return;
  if (!Number.isInteger(minSequence) || minSequence < 0)
    throw outOfRange("minSequence", "an integer of 0 or more", String(minSequence));
}

interface Opened {
  readonly keys: RecordingKeys;
  readonly core: Uint8Array<ArrayBuffer>;
  readonly choice: ManifestChoice;
  readonly origin: Origin;
  readonly options: Pick<OpenRecordingOptions, "objects" | "list">;
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
  /** When the recorder began, by its clock; undefined without a manifest. */
  readonly startedAt: Date | undefined;
  /** When the manifest that counts was written. */
  readonly writtenAt: Date | undefined;
  /** How the recording ended, as its recorder says; undefined where nothing says that it did. */
  readonly reason: string | undefined;
  /** In the order of their first use; empty without a manifest. */
  readonly tracks: readonly ReviewTrack[];
  readonly #opened: Opened;
  readonly #signed: OpenedManifest | undefined;
  #state: RecordingState | undefined;
  #isClosed = false;

  /** @internal */
  constructor(info: EnvelopeInfo, opened: Opened) {
    this.recordingId = info.recordingId;
    this.coreHash = info.coreHash;
    this.createdAt = info.createdAt;
    this.policy = info.policy;
    this.metadata = info.metadata;
    this.epoch = info.epoch;
    this.keyIds = info.keyIds;
    this.origin = opened.origin;
    this.#opened = opened;
    this.#signed = opened.choice.newest;
    const manifest = this.#signed?.manifest;
    this.sequence = this.#signed?.sequence;
    this.startedAt = manifest && new Date(manifest.startedAt);
    this.writtenAt = manifest && new Date(manifest.writtenAt);
    this.reason = manifest?.reason || undefined;
    const context = {
      keys: () => this.#keys(),
      core: opened.core,
      signed: this.#signed!,
      objects: opened.options.objects,
    };
    this.tracks = manifest ? layOutTracks(manifest).map((layout) => new ReviewTrack(layout, context)) : [];
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
   * Checks everything that is stored against everything that was signed, by hashing all ciphertext: 4 MiB at a time,
   * nothing is decrypted. Progress is in bytes of ciphertext.
   *
   * @throws BlindreelError `source-failed`, `source-changed`: a network that fails is no verdict; `closed`;
   *   `signal.reason`.
   */
  async verify(options: VerifyOptions = {}): Promise<Verdict> {
    const keys = this.#keys();
    const { choice, origin } = this.#opened;
    const {
      objects = this.#opened.options.objects,
      list = this.#opened.options.list,
      ...operation
    } = options;
    options.signal?.throwIfAborted();
    if (!this.#signed) {
      const { findings } = choice;
      const verdict = { state: stateOf([], findings, false), origin, gaps: [], tracks: [], findings };
      this.#state = verdict.state;
      return { ...verdict, isListed: list !== undefined };
    }
    if (!objects) throw wrongType("objects", "a function that finds stored objects", objects);
    const { manifest } = this.#signed;
    const stored = await verifyObjects({ keys, manifest, objects, list }, operation);
    // Closed meanwhile: with the keys wiped no segment would have opened.
    this.#keys();
    const findings = [...choice.findings, ...stored.findings];
    const segments = stored.tracks.flatMap(({ takes }) => takes.flatMap((take) => take.segments));
    const isFinal = manifest.state === ManifestState.final;
    this.#state = stateOf(segments, findings, isFinal);
    return {
      state: this.#state,
      origin,
      gaps: stored.gaps,
      tracks: stored.tracks,
      findings,
      isListed: list !== undefined,
    };
  }

  /**
   * Opens a stored segment without asking what was signed, for what a crash left behind.
   *
   * @param place the track's id and the segment's index: without a manifest nothing else names it.
   */
  openUnsigned(
    place: { readonly track: number; readonly index: number },
    options: ReadOptions & { readonly objects?: ObjectLookup } = {},
  ): Promise<UnsignedSegment> {
    const objects = options.objects ?? this.#opened.options.objects;
    if (!objects) throw wrongType("objects", "a function that finds stored objects", objects);
    return openUnsignedSegment(this.#keys(), objects, place, options);
  }

  /** Forgets the keys; sources that were made from here stop working. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    wipe(this.#opened.keys.contentKey);
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #keys(): RecordingKeys {
    if (this.#isClosed) throw closedError("the recording");
    return this.#opened.keys;
  }
}
