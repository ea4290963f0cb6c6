import type { CryptoProvider } from "../../crypto/provider.js";
import { randomBytes } from "../../crypto/random.js";
import {
  type Entry,
  EntryKind,
  encodeEntry,
  Loss,
  type LossCause,
  type LostEntry,
  MAX_TAKES,
  SALT_LENGTH,
  type SegmentEntry,
} from "../../log/entry.js";
import type { JournalRecord } from "./records.js";
import type { OpenSegment, TrackState } from "./state.js";

/** What steps of a journal have in common: entries as records, and the names of blobs. */

export const segmentBlob = (track: number, index: number): string => `segment-${track}-${index}`;
export const pageBlob = (page: number): string => `page-${page}`;
export const manifestBlob = (sequence: number): string => `manifest-${sequence}`;

/** What an entry says; its salt is made here. */
type Unsalted<E> = E extends Entry ? Omit<E, "salt"> : never;

export function entryRecord(crypto: CryptoProvider, entry: Unsalted<Entry>): JournalRecord {
  return { kind: "entry", bytes: encodeEntry({ ...entry, salt: randomBytes(crypto, SALT_LENGTH) } as Entry) };
}

/** The entry of the take that a segment belongs to, where the log has none yet. */
function takeRecords(crypto: CryptoProvider, track: TrackState, open: OpenSegment): JournalRecord[] {
  const { id, name, takes } = track;
  if (open.take < takes) return [];
  const { take, type, takeTime: time } = open;
  return [entryRecord(crypto, { kind: EntryKind.take, track: id, take, name, type, time })];
}

/** A take without any segment; none, where the track has had as many as there can be. */
export function emptyTakeRecords(
  crypto: CryptoProvider,
  { id, name, takes: take }: TrackState,
  { time, type }: { readonly time: number; readonly type: string },
): JournalRecord[] {
  if (take >= MAX_TAKES) return [];
  return [entryRecord(crypto, { kind: EntryKind.take, track: id, take, name, type, time })];
}

/** What the log says when a segment ends. */
export function segmentRecords(
  crypto: CryptoProvider,
  track: TrackState,
  open: OpenSegment,
  entry: Omit<SegmentEntry, "kind" | "salt" | "track" | "take" | "index">,
): JournalRecord[] {
  const { take, index } = open;
  const record = entryRecord(crypto, { ...entry, kind: EntryKind.segment, track: track.id, take, index });
  return [...takeRecords(crypto, track, open), record];
}

/** What the log says when a spent index comes to nothing. */
export function unsealedRecords(
  crypto: CryptoProvider,
  track: TrackState,
  open: OpenSegment,
  cause: LossCause,
  time: number,
): JournalRecord[] {
  const loss = lossRecord(crypto, {
    what: Loss.unsealed,
    cause,
    track: track.id,
    first: open.index,
    count: 1,
    time,
  });
  return [...takeRecords(crypto, track, open), loss];
}

export function lossRecord(crypto: CryptoProvider, loss: Omit<LostEntry, "kind" | "salt">): JournalRecord {
  return entryRecord(crypto, { ...loss, kind: EntryKind.lost });
}

export const RECEIPT_BLOB = "receipt";
