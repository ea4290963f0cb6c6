import { LeafType, ManifestState, SegmentEnd, TAG_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import type { Journal } from "./journal.js";
import { cutRecords } from "./journal-batch.js";
import type { RecordingKeys } from "./journal-keys.js";
import { MANIFEST_BLOB } from "./journal-record.js";
import { type JournalState, rootOfChunks, type SegmentState, type TrackState } from "./journal-state.js";
import { SEGMENT_HEAD_LENGTH } from "./leaf.js";
import type { Manifest, ManifestEntry, ManifestTrack } from "./manifest.js";
import { sealManifest } from "./manifest-seal.js";
import { manifestName } from "./object-name.js";
import type { StoredObject } from "./stored-object.js";
import { treeRoot } from "./tree.js";
import type { RecordingSettings } from "./writer-options.js";

/** How a manifest closes: with a reason, or, in a checkpoint, not at all. */
export interface Closing {
  readonly reason: string;
  /** Ids of tracks that had more to come. */
  readonly undrained: readonly number[];
}

/** What the journal has, as a manifest (format-v1, "Manifest"). */
function manifestOf(state: JournalState, writtenAt: number, closing?: Closing): Manifest {
  const segments = state.segments.filter(({ chunks }) => chunks > 0);
  return {
    state: closing ? ManifestState.final : ManifestState.open,
    startedAt: state.start!.startedAt,
    writtenAt,
    reason: closing?.reason ?? "",
    undrained: [...(closing?.undrained ?? [])].sort((left, right) => left - right),
    tracks: state.tracks.map((track) => manifestTrack(track, segments)),
    entries: segments
      .map(manifestEntry)
      .sort((left, right) => left.track - right.track || left.index - right.index),
  };
}

function manifestTrack({ id, name, takes }: TrackState, segments: readonly SegmentState[]): ManifestTrack {
  const own = segments.filter(({ track }) => track === id);
  return {
    id,
    name,
    takes: takes.map(({ firstIndex, startedAt, type, points }, i) => {
      const end = takes[i + 1]?.firstIndex ?? Number.POSITIVE_INFINITY;
      const length = own
        .filter(({ index }) => firstIndex <= index && index < end)
        .reduce((total, segment) => total + contentLength(segment), 0);
      // A crash may have taken what a point points to.
      return { firstIndex, startedAt, type, points: points.filter(({ byte }) => byte < length) };
    }),
  };
}

function manifestEntry(segment: SegmentState): ManifestEntry {
  const { track, index, end = SegmentEnd.cut, length, chunks, head, openHashes } = segment;
  const subroots = [...segment.subroots];
  if (openHashes.length > 0) subroots.push(rootOfChunks(openHashes));
  const root = treeRoot(subroots);
  return { track, index, end, length, chunks, leafType: LeafType.sha256, head: head!, root, subroots };
}

/** Bytes of plaintext in a segment. */
function contentLength({ length, chunks }: Pick<SegmentState, "length" | "chunks">): number {
  return chunks === 0 ? 0 : length - SEGMENT_HEAD_LENGTH - chunks * TAG_LENGTH;
}

/** What signs manifests. */
export interface ManifestSigner {
  readonly journal: Journal;
  readonly keys: RecordingKeys;
  readonly settings: Pick<RecordingSettings, "crypto" | "now">;
}

/**
 * A manifest of what the journal has. To be called between commits. Its number is durable before it exists.
 *
 * @returns undefined where the session key is lost.
 */
export async function signManifest(
  { journal, keys, settings }: ManifestSigner,
  closing?: Closing,
): Promise<{ readonly sequence: number; readonly object: StoredObject } | undefined> {
  const { signingKey, manifestKey } = keys;
  if (!signingKey) return undefined;
  const sequence = journal.state.nextSequence;
  await journal.commitNow([{ kind: "sequence", sequence }]);
  const manifest = manifestOf(journal.state, settings.now().getTime(), closing);
  const { recordingId, coreHash } = journal.state.start!;
  const binding = { recordingId, coreHash, manifestKey };
  const bytes = await sealManifest(settings.crypto, binding, signingKey, sequence, manifest);
  return { sequence, object: { objectName: manifestName(encodeHex(recordingId), sequence), bytes } };
}

/**
 * Ends what still grows where it stands, signs the closing manifest, journals it, and erases the keys. To be called
 * between commits.
 *
 * @returns undefined where the session key is lost: the recording ends all the same.
 */
export async function closeJournal(
  signer: ManifestSigner,
  closing: Closing,
): Promise<StoredObject | undefined> {
  const { journal } = signer;
  await journal.commitNow(cutRecords(journal.state));
  const signed = await signManifest(signer, closing);
  const sequence = signed?.sequence ?? journal.state.nextSequence;
  const blobs = signed ? [{ name: MANIFEST_BLOB, parts: [signed.object.bytes] }] : [];
  await journal.commitNow([{ kind: "finished", sequence, isSigned: signed ? 1 : 0 }], blobs);
  await journal.eraseKeys();
  return signed?.object;
}
