import { LeafType, ManifestState, SegmentEnd, TAG_LENGTH } from "../formats/constants.js";
import { type JournalState, rootOfChunks, type SegmentState, type TrackState } from "./journal-state.js";
import { SEGMENT_HEAD_LENGTH } from "./leaf.js";
import type { Manifest, ManifestEntry, ManifestTrack } from "./manifest.js";
import { treeRoot } from "./tree.js";

/** How a manifest closes: with a reason, or, in a checkpoint, not at all. */
export interface Closing {
  readonly reason: string;
  /** Ids of tracks that had more to come. */
  readonly undrained: readonly number[];
}

/** What the journal has, as a manifest (format-v1, "Manifest"). */
export function manifestOf(state: JournalState, writtenAt: number, closing?: Closing): Manifest {
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
