import type { Bytes } from "../formats/bytes.js";
import { SegmentEnd } from "../formats/constants.js";
import type { JournalRecord } from "./journal-record.js";
import { type JournalState, rootOfChunks, type SegmentState, type TrackState } from "./journal-state.js";
import type { MediaPoint } from "./manifest.js";
import { SUBTREE_CHUNKS } from "./tree.js";

/** Sealed bytes of one segment, in the order in which they were sealed. */
export interface SegmentOutput {
  readonly segment: SegmentState;
  /** The hash of the segment's first 86 bytes. */
  readonly head: Bytes;
  readonly bytes: readonly Bytes[];
  /** Of the chunks in `bytes`. */
  readonly hashes: Promise<readonly Bytes[]>;
  readonly isLast: boolean;
  readonly points: readonly MediaPoint[];
}

export function blobName({ track, index }: SegmentState, offset: number): string {
  return `${track}-${index}-${offset}`;
}

export type MergedOutput = Omit<SegmentOutput, "hashes"> & {
  readonly hashes: readonly Bytes[];
};

/** The outputs of each segment as one. */
export async function merged(items: readonly SegmentOutput[]): Promise<MergedOutput[]> {
  const bySegment = new Map<SegmentState, SegmentOutput[]>();
  for (const output of items) {
    const outputs = bySegment.get(output.segment);
    if (outputs) outputs.push(output);
    else bySegment.set(output.segment, [output]);
  }
  const results: MergedOutput[] = [];
  for (const [segment, outputs] of bySegment) {
    const hashes = (await Promise.all(outputs.map((output) => output.hashes))).flat();
    results.push({
      segment,
      head: outputs[0]!.head,
      bytes: outputs.flatMap(({ bytes }) => bytes),
      hashes,
      isLast: outputs.at(-1)!.isLast,
      points: outputs.flatMap(({ points }) => points),
    });
  }
  return results;
}

export function chunksRecord({ segment, head, hashes, points }: MergedOutput): JournalRecord {
  const { track, index, chunks: from } = segment;
  return { kind: "chunks", track, index, head, from, hashes, points };
}

export function loosePoints({ takes, loosePoints: count }: TrackState): readonly MediaPoint[] {
  return count === 0 ? [] : (takes.at(-1)?.points.slice(-count) ?? []);
}

/** The facts that end a segment, with what `last` adds to it: nothing where it is cut. */
export function endRecords(state: JournalState, segment: SegmentState, last?: MergedOutput): JournalRecord[] {
  const { track, index, recorded, subroots, openHashes } = segment;
  const hashes = [...openHashes, ...(last?.hashes ?? [])];
  const all = [...subroots];
  for (let at = 0; at < hashes.length; at += SUBTREE_CHUNKS) {
    all.push(rootOfChunks(hashes.slice(at, at + SUBTREE_CHUNKS)));
  }
  const end: JournalRecord = {
    kind: "end",
    track,
    index,
    end: last ? SegmentEnd.final : SegmentEnd.cut,
    length: segment.length + byteLength(last?.bytes ?? []),
    chunks: segment.chunks + (last?.hashes.length ?? 0),
    head: last?.head ?? segment.head!,
    from: recorded,
    subroots: all.slice(recorded),
  };
  const points = [...loosePoints(state.track(track)), ...(last?.points ?? [])];
  return points.length > 0 ? [{ kind: "points", track, points }, end] : [end];
}

/** The same for every segment that still grows: a crash, or a deadline, came before its last chunk. */
export function cutRecords(state: JournalState): JournalRecord[] {
  return [...state.growing].flatMap((segment): JournalRecord[] => {
    const { track, index, chunks } = segment;
    return chunks > 0 ? endRecords(state, segment) : [{ kind: "stored", track, index }];
  });
}

/** Full subroots that the tail keeps of a segment before they become facts. */
const SUBROOTS_IN_TAIL = 32;

/** The facts that subroots have become which have gathered in the tail. */
export function subrootRecords(state: JournalState): JournalRecord[] {
  return [...state.growing].flatMap(({ track, index, recorded: from, subroots }): JournalRecord[] => {
    if (subroots.length - from < SUBROOTS_IN_TAIL) return [];
    const record: JournalRecord = { kind: "subroots", track, index, from, subroots: subroots.slice(from) };
    const points = loosePoints(state.track(track));
    return points.length > 0 ? [{ kind: "points", track, points }, record] : [record];
  });
}

/** All of a tail that is not out of date. */
export function liveTail(state: JournalState): JournalRecord[] {
  const live: JournalRecord[] = [];
  for (const { track, index, head, recorded: from, subroots, openHashes: hashes } of state.growing) {
    if (!head) continue;
    const points = loosePoints(state.track(track));
    live.push({ kind: "state", track, index, head, from, subroots: subroots.slice(from), hashes, points });
  }
  for (const { track, index, acknowledged } of state.unstored) {
    for (const range of acknowledged) live.push({ kind: "acknowledged", track, index, ...range });
  }
  return live;
}

export function byteLength(parts: readonly Bytes[]): number {
  return parts.reduce((total, { length }) => total + length, 0);
}
