import { SegmentEnd, TAG_LENGTH } from "../formats/constants.js";
import { CHUNK, SEALED_CHUNK } from "../stream/geometry.js";
import { SEGMENT_HEAD_LENGTH } from "./leaf.js";
import type { Manifest, ManifestEntry, ManifestTake } from "./manifest.js";
import { SUBTREE_CHUNKS, subtreeCount } from "./tree.js";

/** Where content is, by the manifest's lengths alone: nothing has to be opened to seek in a take. */
export interface TrackLayout {
  readonly id: number;
  readonly name: string;
  readonly takes: readonly TakeLayout[];
}

export interface TakeLayout {
  readonly track: number;
  readonly take: ManifestTake;
  /** In order; they play as one. */
  readonly segments: readonly SegmentLayout[];
  /** Bytes of content. */
  readonly size: number;
}

export interface SegmentLayout {
  readonly entry: ManifestEntry;
  /** Where the segment's content starts in the take's. */
  readonly start: number;
  /** Bytes of content. */
  readonly size: number;
}

export function layOutTracks({ tracks, entries }: Manifest): TrackLayout[] {
  return tracks.map(({ id, name, takes }) => {
    const own = entries.filter(({ track }) => track === id);
    const laidOut = takes.map((take, i) => {
      const end = takes[i + 1]?.firstIndex ?? Number.POSITIVE_INFINITY;
      return layOutTake(
        id,
        take,
        own.filter(({ index }) => take.firstIndex <= index && index < end),
      );
    });
    return { id, name, takes: laidOut };
  });
}

function layOutTake(track: number, take: ManifestTake, entries: readonly ManifestEntry[]): TakeLayout {
  const segments: SegmentLayout[] = [];
  let start = 0;
  for (const entry of entries) {
    const size = contentSize(entry);
    segments.push({ entry, start, size });
    start += size;
  }
  return { track, take, segments, size: start };
}

/** Bytes of content of a segment; of a cut one, those in its whole chunks. */
export function contentSize({ end, length, chunks }: ManifestEntry): number {
  if (end === SegmentEnd.cut) return chunks * CHUNK;
  return length - SEGMENT_HEAD_LENGTH - chunks * TAG_LENGTH;
}

/** A subtree's worth of chunks: what is fetched, checked and opened in one go. */
export interface Block {
  readonly index: number;
  readonly firstChunk: number;
  readonly endChunk: number;
  /** The range of the stored object, in bytes. */
  readonly from: number;
  readonly to: number;
  /** Bytes of content. */
  readonly size: number;
}

/** Bytes of content in a block that is not the last. */
export const BLOCK_CONTENT = SUBTREE_CHUNKS * CHUNK;

export function blockCount({ chunks }: ManifestEntry): number {
  return subtreeCount(chunks);
}

export function blockOf(entry: ManifestEntry, index: number): Block {
  const firstChunk = index * SUBTREE_CHUNKS;
  const endChunk = Math.min(firstChunk + SUBTREE_CHUNKS, entry.chunks);
  const from = SEGMENT_HEAD_LENGTH + firstChunk * SEALED_CHUNK;
  const to = Math.min(SEGMENT_HEAD_LENGTH + endChunk * SEALED_CHUNK, entry.length);
  return { index, firstChunk, endChunk, from, to, size: to - from - (endChunk - firstChunk) * TAG_LENGTH };
}
