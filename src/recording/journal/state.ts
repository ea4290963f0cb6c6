import { closedError, isBlindreelError } from "../../errors.js";
import type { Bytes } from "../../formats/bytes.js";
import { decodeEntry, EntryKind, Loss, type LostEntry } from "../../log/entry.js";
import { SUBTREE } from "../../log/tree.js";
import { journalDamaged } from "../../storage/faults.js";
import { LogHead } from "./head.js";
import { PendingObjects, type StoredId, StoredKind } from "./pending.js";
import { decodeRecord, type JournalRecord, type JournalRecords, type RecordKind } from "./records.js";

/** Progress of a journal, as a crash leaves it. States of a running recording are in `life-cycle.ts`. */
export type JournalPhase = "new" | "recording" | "ended" | "signed";

/** The journal's gate: the records of each phase. docs/recordings.md, "Life cycle", shows it. */
export const GATE: Readonly<Record<JournalPhase, readonly RecordKind[]>> = {
  new: ["start"],
  recording: ["track", "reserve", "grow", "entry", "page", "manifest", "settled", "ended", "closed"],
  // Entries: losses of sealed objects only.
  ended: ["entry", "page", "manifest", "settled"],
  signed: ["settled"],
};

/** A reserved index without an entry. */
export interface OpenSegment {
  readonly track: number;
  readonly take: number;
  readonly index: number;
  readonly takeTime: number;
  readonly type: string;
  /** Bytes in its blob, and time of the first. */
  length: number;
  time: number;
}

export interface TrackState {
  readonly id: number;
  readonly name: string;
  /** Takes in the log. */
  takes: number;
  nextIndex: number;
  open: OpenSegment | undefined;
}

/** Sum of a journal's records, while they are written and when they are replayed. */
export class JournalState {
  phase: JournalPhase = "new";
  start: JournalRecords["start"] | undefined;
  ended: JournalRecords["ended"] | undefined;
  readonly tracks: TrackState[] = [];
  readonly head = new LogHead();
  readonly pending = new PendingObjects();
  /** Sealed pages. */
  pages = 0;
  nextSequence = 0;
  /** Size of the last manifest. */
  manifestSize = -1;
  /** The latest time in the records. */
  time = 0;

  /**
   * Takes a record, or throws and changes nothing.
   *
   * @throws BlindreelError `closed` where the phase refuses it; `journal-damaged` where it does not follow.
   */
  apply(record: JournalRecord): void {
    if (!GATE[this.phase].includes(record.kind)) throw closedError("the recording's journal");
    switch (record.kind) {
      case "start":
        this.start = record;
        this.phase = "recording";
        this.time = record.started;
        this.#add(StoredKind.envelope, 0, -1, { length: record.envelope.length });
        break;
      case "track":
        if (record.track !== this.tracks.length + 1) throw journalDamaged("a track out of turn");
        this.tracks.push({ id: record.track, name: record.name, takes: 0, nextIndex: 0, open: undefined });
        break;
      case "reserve":
        this.#reserve(record);
        break;
      case "grow":
        Object.assign(this.open(record), { length: record.length, time: record.time });
        this.#passed(record.time);
        break;
      case "entry":
        this.#entry(record);
        break;
      case "page":
        if (record.page !== this.pages || !this.isPageDue) throw journalDamaged("a page out of turn");
        this.pages++;
        this.#add(StoredKind.page, record.page, SUBTREE * this.pages - 1, record);
        break;
      case "manifest":
        this.#manifest(record);
        break;
      case "settled":
        this.pending.settle(record as StoredId);
        break;
      case "ended":
        this.ended = record;
        this.phase = "ended";
        this.#passed(record.time);
        break;
      case "closed":
        for (const track of this.tracks) {
          if (track.open?.length !== 0) continue;
          track.nextIndex = track.open.index;
          track.open = undefined;
        }
        break;
    }
  }

  /** @throws BlindreelError `journal-damaged`. */
  track(id: number): TrackState {
    const track = this.tracks[id - 1];
    if (!track) throw journalDamaged("a track that is not there");
    return track;
  }

  /** @throws BlindreelError `journal-damaged` where that segment is not open: nothing more is written to it. */
  open({ track, index }: { readonly track: number; readonly index: number }): OpenSegment {
    const { open } = this.track(track);
    if (open?.index !== index) throw journalDamaged("a segment that is not open");
    return open;
  }

  /** Whether a page is full and not sealed. */
  get isPageDue(): boolean {
    return SUBTREE * (this.pages + 1) <= this.head.size;
  }

  /** The largest size of a manifest now, below the first page that is not sealed; see {@link PendingObjects}. */
  coverable(): number | undefined {
    return this.pending.coverable(
      Math.min(this.head.size, SUBTREE * (this.pages + 1) - 1),
      this.manifestSize,
    );
  }

  /** Whether the last manifest can be made: all of the log is sealed and stored. */
  get isSettled(): boolean {
    return this.pending.size === 0 && !this.isPageDue;
  }

  #reserve({ track: id, take, index, time, type }: JournalRecords["reserve"]): void {
    const track = this.track(id);
    const isAgain = track.open?.index === index && track.open.length === 0;
    if (take < track.takes - 1 || (!isAgain && (index !== track.nextIndex || track.open)))
      throw journalDamaged("an index out of turn");
    track.nextIndex = index + 1;
    track.open = { track: id, take, index, takeTime: time, type, length: 0, time };
    this.#passed(time);
  }

  #entry({ bytes }: JournalRecords["entry"]): void {
    const entry = decodeEntry(bytes);
    const n = this.head.size;
    const isLossOfStored = entry.kind === EntryKind.lost && isOfStored(entry);
    if (this.phase === "ended" && !isLossOfStored) throw closedError("the recording's journal");
    if (entry.kind === EntryKind.take) this.track(entry.track).takes = entry.take + 1;
    else if (entry.kind === EntryKind.segment) {
      const { track, index } = this.open(entry);
      this.track(track).open = undefined;
      this.pending.add({
        object: StoredKind.segment,
        track,
        number: index,
        n,
        length: entry.length,
        entry,
      });
    } else if (entry.what === Loss.unsealed) {
      const track = this.track(entry.track);
      if (track.open?.index !== entry.first) throw journalDamaged("a loss out of turn");
      track.open = undefined;
    } else if (isLossOfStored) {
      const object = entry.what === Loss.page ? StoredKind.page : StoredKind.segment;
      this.pending.refuse({ object, track: entry.track, number: entry.first }, n);
    }
    this.#passed(entry.time);
    this.head.append(bytes);
  }

  #manifest(record: JournalRecords["manifest"]): void {
    const { sequence, size, isFinal } = record;
    const isInTurn = sequence >= this.nextSequence && size >= this.manifestSize;
    if (!isInTurn || (isFinal === 1) !== (this.phase === "ended"))
      throw closedError("the recording's journal");
    this.nextSequence = sequence + 1;
    this.manifestSize = size;
    this.head.at(size);
    if (isFinal) this.phase = "signed";
    this.#add(StoredKind.manifest, sequence, size, record);
  }

  #add(
    object: StoredKind,
    number: number,
    n: number,
    { length, digest }: { readonly length: number; readonly digest?: Bytes },
  ): void {
    this.pending.add({ object, track: 0, number, n, length, ...(digest && { digest }) });
  }

  #passed(time: number): void {
    this.time = Math.max(this.time, time);
  }
}

/** A loss of a sealed object: the only entry behind the end. */
function isOfStored({ what }: LostEntry): boolean {
  return what === Loss.segment || what === Loss.page;
}

/** @throws BlindreelError `journal-damaged`. */
export function replayRecords(records: readonly Bytes[]): JournalState {
  const state = new JournalState();
  for (const bytes of records) {
    try {
      state.apply(decodeRecord(bytes));
    } catch (error) {
      if (isBlindreelError(error) && error.code === "journal-damaged") throw error;
      throw journalDamaged("a record that does not follow the one before");
    }
  }
  return state;
}
