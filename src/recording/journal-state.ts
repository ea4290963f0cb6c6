import { type Bytes, compareBytes } from "../formats/bytes.js";
import { SegmentEnd } from "../formats/constants.js";
import { journalDamaged } from "../storage/faults.js";
import { SEALED_CHUNK } from "../stream/geometry.js";
import { JOURNAL_VERSION, type JournalRecord, type JournalRecords } from "./journal-record.js";
import { SEGMENT_HEAD_LENGTH } from "./leaf.js";
import type { MediaPoint } from "./manifest.js";
import { type Range, withRange } from "./ranges.js";
import { leafHash, SUBTREE_CHUNKS, subtreeCount, treeRoot } from "./tree.js";

export interface TakeState {
  readonly firstIndex: number;
  readonly startedAt: number;
  readonly type: string;
  readonly points: MediaPoint[];
}

export interface TrackState {
  readonly id: number;
  readonly name: string;
  readonly takes: TakeState[];
  /** The first index that was never reserved. */
  nextIndex: number;
  /** How many of the last take's points no fact has yet. */
  loosePoints: number;
}

export interface SegmentState {
  readonly track: number;
  readonly index: number;
  head: Bytes | undefined;
  chunks: number;
  /** Roots of the full subtrees; once it has ended, of all. */
  subroots: Bytes[];
  /** Hashes of the chunks behind them. */
  openHashes: Bytes[];
  /** How many of the subroots facts have. */
  recorded: number;
  /** Bytes of the stored object so far. */
  length: number;
  /** Undefined while it grows. */
  end: SegmentEnd | undefined;
  /** What the server has. */
  acknowledged: readonly Range[];
}

/**
 * Everything a journal says. The writer applies each record that it has written, and who resumes applies each that is
 * found, facts first: so both know the same.
 */
export class JournalState {
  start: JournalRecords["start"] | undefined;
  readonly tracks: TrackState[] = [];
  readonly segments: SegmentState[] = [];
  /** Those of them that still grow. */
  readonly growing = new Set<SegmentState>();
  /** Those of them that the server does not have all of. */
  readonly unstored = new Set<SegmentState>();
  /** The number that the next manifest may have. */
  nextSequence = 0;
  finished: JournalRecords["finished"] | undefined;
  readonly #byName = new Map<string, SegmentState>();

  /** @throws BlindreelError `journal-damaged` for a record that cannot follow those before it. */
  apply(record: JournalRecord): void {
    if ((this.start === undefined) !== (record.kind === "start"))
      throw journalDamaged("it does not start once");
    switch (record.kind) {
      case "start":
        if (record.version !== JOURNAL_VERSION) throw journalDamaged("another version wrote it");
        this.start = record;
        break;
      case "track":
        if (record.track !== this.tracks.length + 1) throw journalDamaged("a track out of turn");
        this.tracks.push({ id: record.track, name: record.name, takes: [], nextIndex: 0, loosePoints: 0 });
        break;
      case "take": {
        const { firstIndex, startedAt, type } = record;
        this.track(record.track).takes.push({ firstIndex, startedAt, type, points: [] });
        this.track(record.track).loosePoints = 0;
        break;
      }
      case "reserve":
        this.#reserve(record);
        break;
      case "chunks":
        this.#addChunks(record);
        break;
      case "state":
        this.#setState(record);
        break;
      case "subroots": {
        const segment = this.segment(record);
        if (record.from !== segment.recorded) throw journalDamaged("subroots out of turn");
        segment.subroots.splice(record.from, record.subroots.length, ...record.subroots);
        segment.recorded += record.subroots.length;
        break;
      }
      case "end":
        this.#end(record);
        break;
      case "points":
        addPoints(this.track(record.track), record.points);
        this.track(record.track).loosePoints = 0;
        break;
      case "acknowledged": {
        const segment = this.segment(record);
        segment.acknowledged = withRange(segment.acknowledged, record);
        break;
      }
      case "stored":
        this.unstored.delete(this.segment(record));
        // One that never got a chunk is done with, too.
        this.growing.delete(this.segment(record));
        break;
      case "sequence":
        this.nextSequence = record.sequence + 1;
        break;
      case "finished":
        this.finished = record;
        break;
    }
  }

  track(id: number): TrackState {
    const track = this.tracks[id - 1];
    if (!track) throw journalDamaged("a track that is not there");
    return track;
  }

  segment({ track, index }: { readonly track: number; readonly index: number }): SegmentState {
    const segment = this.#byName.get(`${track}/${index}`);
    if (!segment) throw journalDamaged("a segment that is not there");
    return segment;
  }

  /** Bytes that the server does not have yet. */
  get unacknowledgedBytes(): number {
    let total = 0;
    for (const { length, acknowledged } of this.unstored) {
      total += acknowledged.reduce((left, { start, end }) => left - (end - start), length);
    }
    return total;
  }

  #reserve({ track: id, index }: JournalRecords["reserve"]): void {
    const track = this.track(id);
    if (index !== track.nextIndex || track.takes.length === 0) throw journalDamaged("an index out of turn");
    track.nextIndex++;
    const segment: SegmentState = {
      track: id,
      index,
      head: undefined,
      chunks: 0,
      subroots: [],
      openHashes: [],
      recorded: 0,
      length: 0,
      end: undefined,
      acknowledged: [],
    };
    this.#byName.set(`${id}/${index}`, segment);
    this.segments.push(segment);
    this.growing.add(segment);
    this.unstored.add(segment);
  }

  #addChunks({ track, index, head, from, hashes, points }: JournalRecords["chunks"]): void {
    const segment = this.segment({ track, index });
    // A tail may be older than the facts: what they say of an ended segment is all there is.
    if (segment.end !== undefined) return;
    if (segment.head && compareBytes(segment.head, head) !== 0)
      throw journalDamaged("two heads of a segment");
    if (from !== segment.chunks) throw journalDamaged("chunks out of turn");
    segment.head = head;
    for (const hash of hashes) {
      segment.openHashes.push(hash);
      segment.chunks++;
      if (segment.openHashes.length < SUBTREE_CHUNKS) continue;
      segment.subroots[segment.chunks / SUBTREE_CHUNKS - 1] = rootOfChunks(segment.openHashes);
      segment.openHashes = [];
    }
    segment.length = SEGMENT_HEAD_LENGTH + segment.chunks * SEALED_CHUNK;
    addPoints(this.track(track), points);
  }

  #setState({ track, index, head, from, subroots, hashes, points }: JournalRecords["state"]): void {
    const segment = this.segment({ track, index });
    if (segment.end !== undefined) return;
    if (from > segment.recorded) throw journalDamaged("subroots that are missing");
    segment.subroots.splice(from, subroots.length, ...subroots);
    segment.chunks = SUBTREE_CHUNKS * (from + subroots.length);
    segment.openHashes = [];
    this.#addChunks({ track, index, head, from: segment.chunks, hashes, points });
  }

  #end({ track, index, end, length, chunks, head, from, subroots }: JournalRecords["end"]): void {
    const segment = this.segment({ track, index });
    if (segment.end !== undefined || from !== segment.recorded) throw journalDamaged("an end out of turn");
    if (from + subroots.length !== subtreeCount(chunks)) throw journalDamaged("subroots that are missing");
    segment.subroots.splice(from, segment.subroots.length, ...subroots);
    segment.recorded = segment.subroots.length;
    segment.openHashes = [];
    segment.end = end === SegmentEnd.final ? SegmentEnd.final : SegmentEnd.cut;
    Object.assign(segment, { head, length, chunks });
    this.growing.delete(segment);
  }
}

export function rootOfChunks(hashes: readonly Bytes[]): Bytes {
  return treeRoot(hashes.map(leafHash));
}

/** Points that facts and tail both have are taken once. */
function addPoints(track: TrackState, points: readonly MediaPoint[]): void {
  const known = track.takes.at(-1)?.points;
  for (const point of points) {
    const last = known?.at(-1);
    if (last && (point.time <= last.time || point.byte <= last.byte)) continue;
    known?.push(point);
    track.loosePoints++;
  }
}
