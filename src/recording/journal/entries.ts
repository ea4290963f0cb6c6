import type { CryptoProvider } from "../../crypto/provider.js";
import { randomBytes } from "../../crypto/random.js";
import {
  ENTRY_SALT_LENGTH,
  type Entry,
  EntryKind,
  encodeEntry,
  Loss,
  LossCause,
  type LostEntry,
  MAX_TAKES,
  type SegmentEntry,
} from "../../log/entry.js";
import type { JournalRecord } from "./records.js";
import type { OpenSegment, TrackState } from "./state.js";

/** An entry of the log (format-v1, "Entries") without its salt, which the journal adds. */
export type NewEntry = Entry extends infer E ? (E extends Entry ? Omit<E, "salt"> : never) : never;

/** Start of a take: milliseconds since 1970, and media type. */
export interface TakeStart {
  time: number;
  type: string;
}

export function entryRecord(crypto: CryptoProvider, entry: NewEntry): JournalRecord {
  return {
    kind: "entry",
    bytes: encodeEntry({ ...entry, salt: randomBytes(crypto, ENTRY_SALT_LENGTH) } as Entry),
  };
}

function inputLoss({ id }: TrackState, what: Loss, cause: LossCause, time: number): NewEntry {
  return lostEntry({ what, cause, track: id, first: 0, count: 0, time });
}

/** A take without segments; none after {@link MAX_TAKES}. */
function emptyTake({ id, name, takes: take }: TrackState, { time, type }: TakeStart): NewEntry[] {
  return take < MAX_TAKES ? [{ kind: EntryKind.take, track: id, take, name, type, time }] : [];
}

/** A segment that ends, behind its take where the log has none yet. */
export function segmentEntries(
  track: TrackState,
  open: OpenSegment,
  segment: Omit<SegmentEntry, "kind" | "salt" | "track" | "take" | "index">,
): NewEntry[] {
  const { take, index } = open;
  return [...takeOf(track, open), { ...segment, kind: EntryKind.segment, track: track.id, take, index }];
}

/** A reserved index without a segment, behind its take where the log has none yet. */
export function unsealedEntries(
  track: TrackState,
  open: OpenSegment,
  cause: LossCause,
  time: number,
): NewEntry[] {
  const loss = { what: Loss.unsealed, cause, track: track.id, first: open.index, count: 1, time };
  return [...takeOf(track, open), lostEntry(loss)];
}

/**
 * Content of a track that was written and not sealed, behind a take where the log has none yet: the one that an index is reserved
 * for, whose segment may be on its way with an earlier time, else a new one.
 *
 * @param start of the new take.
 */
export function undrainedEntries(
  track: TrackState,
  cause: LossCause,
  time: number,
  start: TakeStart | undefined,
): NewEntry[] {
  const { open, takes } = track;
  const begun = takes > 0 || !start ? [] : open ? takeOf(track, open) : emptyTake(track, start);
  return [...begun, inputLoss(track, Loss.undrained, cause, time)];
}

/** A take whose source gave nothing. */
export function silentEntries(track: TrackState, start: TakeStart, time: number): NewEntry[] {
  return [...emptyTake(track, start), inputLoss(track, Loss.silent, LossCause.silence, time)];
}

export function lostEntry(loss: Omit<LostEntry, "kind" | "salt">): NewEntry {
  return { ...loss, kind: EntryKind.lost };
}

function takeOf({ id, name, takes }: TrackState, open: OpenSegment): NewEntry[] {
  const { take, type, takeTime: time } = open;
  return take < takes ? [] : [{ kind: EntryKind.take, track: id, take, name, type, time }];
}
