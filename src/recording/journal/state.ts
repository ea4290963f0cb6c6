import { closedError } from "../../errors.js";
import type { Bytes } from "../../formats/bytes.js";
import { decodeEntry, EntryKind, Loss, type LostEntry, type SegmentEntry } from "../../log/entry.js";
import { SUBTREE } from "../../log/tree.js";
import { journalDamaged } from "../../storage/faults.js";
import { LogHead } from "./head.js";
import type { JournalRecord, JournalRecords, RecordKind } from "./records.js";

/** How far a journal has come. What the recording may still do is in `life-cycle.ts`; this is what a crash leaves. */
export type JournalPhase = "new" | "recording" | "ended" | "signed";

/** The journal's gate: which records each phase takes. docs/recordings.md, "Life cycle", shows it. */
export const GATE: Readonly<Record<JournalPhase, readonly RecordKind[]>> = {
  new: ["start"],
  recording: ["track", "reserve", "grow", "entry", "page", "manifest", "settled", "ended", "closed"],
  // Entries: only what a server refused, or what the journal lost.
  ended: ["entry", "page", "manifest", "settled"],
  signed: ["settled"],
};

/** What a server stores of a recording, as numbered in the journal. */
export const StoredKind = { envelope: 0, segment: 1, page: 2, manifest: 3 } as const;
export type StoredKind = (typeof StoredKind)[keyof typeof StoredKind];

/** An object that the server does not have yet. */
export interface Unsettled {
  readonly object: StoredKind;
  /** 0 but for segments. */
  readonly track: number;
  /** Index, page or sequence. */
  readonly number: number;
  /** A manifest covers it when its size is above this. */
  readonly n: number;
  /** In bytes: its blob may hold more, of a run that died before that counted. */
  readonly length: number;
  /** What the log says of a segment. */
  readonly entry?: SegmentEntry;
  /** SHA-256 of a page or a manifest as it was sealed. */
  readonly digest?: Bytes;
}

/** A segment whose index is spent, and which no entry tells of yet. */
export interface OpenSegment {
  readonly track: number;
  readonly take: number;
  readonly index: number;
  readonly takeTime: number;
  readonly type: string;
  /** Bytes in its blob, and when the first was written. */
  length: number;
  time: number;
}

export interface TrackState {
  readonly id: number;
  readonly name: string;
  /** Takes that the log knows of. */
  takes: number;
  nextIndex: number;
  open: OpenSegment | undefined;
}

/** What a journal's records say, one after the other: for the run that writes them, and for the one that resumes. */
export class JournalState {
  phase: JournalPhase = "new";
  start: JournalRecords["start"] | undefined;
  ended: JournalRecords["ended"] | undefined;
  readonly tracks: TrackState[] = [];
  readonly head = new LogHead();
  readonly unsettled = new Map<string, Unsettled>();
  /** Unsettled segments by their entries' places, which ascend. */
  readonly #segments = new Map<number, Unsettled>();
  /** What was refused: no manifest covers it without the entry that says so. */
  #refused: { readonly from: number; readonly to: number }[] = [];
  /** Pages that are sealed. */
  pages = 0;
  nextSequence = 0;
  /** Size of the last manifest. */
  manifestSize = -1;
  /** The latest time written down. */
  time = 0;
  /** Objects that the last records brought. */
  #fresh: Unsettled[] = [];

  /**
   * Takes a record, or throws and changes nothing.
   *
   * @throws BlindreelError `closed` where the phase does not take it; `journal-damaged` where it does not follow.
   */
  apply(record: JournalRecord): void {
    if (!GATE[this.phase].includes(record.kind)) throw closedError("the recording's journal");
    switch (record.kind) {
      case "start":
        this.start = record;
        this.phase = "recording";
        this.time = record.started;
        this.#await({
          object: StoredKind.envelope,
          track: 0,
          number: 0,
          n: -1,
          length: record.envelope.length,
        });
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
        if (record.page !== this.pages || SUBTREE * (record.page + 1) > this.head.size)
          throw journalDamaged("a page out of turn");
        this.pages++;
        this.#await({
          object: StoredKind.page,
          track: 0,
          number: record.page,
          n: SUBTREE * this.pages - 1,
          length: record.length,
          digest: record.digest,
        });
        break;
      case "manifest":
        this.#manifest(record);
        break;
      case "settled":
        this.#settle(record);
        break;
      case "ended":
        this.ended = record;
        this.phase = "ended";
        this.#passed(record.time);
        break;
      case "closed":
        for (const track of this.tracks) if (track.open?.length === 0) this.#release(track);
        break;
    }
  }

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

  /**
   * The largest size that a manifest may have now (format-v1, "Checkpoints"): everything below it is stored, or was refused and
   * the entry that says so is below it too. Undefined while the envelope is not stored.
   */
  coverable(): number | undefined {
    if (this.unsettled.has(nameOf({ object: StoredKind.envelope, track: 0, number: 0 }))) return undefined;
    let size = Math.min(this.head.size, SUBTREE * (this.pages + 1) - 1);
    const [segment] = this.#segments.keys();
    if (segment !== undefined) size = Math.min(size, segment);
    for (const { object, n } of this.unsettled.values()) {
      if (object !== StoredKind.page) continue;
      size = Math.min(size, n);
      break;
    }
    this.#refused = this.#refused.filter(({ to }) => to >= this.manifestSize);
    // From the last on: lowering the size never brings it back into one that was passed.
    this.#refused.sort((left, right) => right.from - left.from);
    for (const { from, to } of this.#refused) if (from < size && size <= to) size = from;
    return size;
  }

  /** Objects that records brought since the last call: the server gets them once the records are durable. */
  takeFresh(): readonly Unsettled[] {
    return this.#fresh.splice(0).filter((object) => this.unsettled.get(nameOf(object)) === object);
  }

  /** What is known of an object that the server does not have. */
  find(object: StoredKind, track: number, number: number): Unsettled | undefined {
    return this.unsettled.get(nameOf({ object, track, number }));
  }

  /** Whether the last manifest can be made: all of the log is sealed and stored. */
  get isSettled(): boolean {
    return this.unsettled.size === 0 && !this.isPageDue;
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
      this.#await({ object: StoredKind.segment, track, number: index, n, length: entry.length, entry });
    } else if (entry.what === Loss.unsealed) {
      const track = this.track(entry.track);
      if (track.open?.index !== entry.first) throw journalDamaged("a loss out of turn");
      track.open = undefined;
    } else if (isLossOfStored) {
      const object = entry.what === Loss.page ? StoredKind.page : StoredKind.segment;
      const known = this.unsettled.get(nameOf({ object, track: entry.track, number: entry.first }));
      if (!known) throw journalDamaged("a loss of what is stored");
      this.#refused.push({ from: known.n, to: n });
    }
    this.#passed(entry.time);
    this.head.append(bytes);
  }

  #manifest({ sequence, size, isFinal, length, digest }: JournalRecords["manifest"]): void {
    if (
      sequence < this.nextSequence ||
      size < this.manifestSize ||
      (isFinal === 1) !== (this.phase === "ended")
    )
      throw closedError("the recording's journal");
    this.nextSequence = sequence + 1;
    this.manifestSize = size;
    this.head.at(size);
    if (isFinal) this.phase = "signed";
    this.#await({ object: StoredKind.manifest, track: 0, number: sequence, n: size, length, digest });
  }

  #settle(record: JournalRecords["settled"]): void {
    const name = nameOf(record as Unsettled);
    const known = this.unsettled.get(name);
    if (!known) throw journalDamaged("an object that was settled before");
    this.unsettled.delete(name);
    if (known.object === StoredKind.segment) this.#segments.delete(known.n);
  }

  #await(object: Unsettled): void {
    this.unsettled.set(nameOf(object), object);
    this.#fresh.push(object);
    if (object.object === StoredKind.segment) this.#segments.set(object.n, object);
  }

  #release(track: TrackState): void {
    track.nextIndex = track.open!.index;
    track.open = undefined;
  }

  #passed(time: number): void {
    this.time = Math.max(this.time, time);
  }
}

/** A loss of something that was sealed: the only kind that comes behind the end. */
function isOfStored({ what }: LostEntry): boolean {
  return what === Loss.segment || what === Loss.page;
}

function nameOf({ object, track, number }: Pick<Unsettled, "object" | "track" | "number">): string {
  return `${object}/${track}/${number}`;
}
