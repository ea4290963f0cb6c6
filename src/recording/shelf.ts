import type { CryptoProvider } from "../crypto/provider.js";
import { isBlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import { hashChunks } from "../log/chunk-hashes.js";
import { hashSegmentHead, Loss, LossCause, SEGMENT_HEAD_LENGTH, type SegmentEntry } from "../log/entry.js";
import { envelopeName, manifestName, pageName, segmentName } from "../log/names.js";
import { isSameHash, leafHash, subroots } from "../log/tree.js";
import { journalDamaged } from "../storage/faults.js";
import type { RecordingEvent } from "./events.js";
import type { Journal } from "./journal/journal.js";
import type { JournalRecord } from "./journal/records.js";
import { StoredKind, type Unsettled } from "./journal/state.js";
import { lossRecord, manifestBlob, pageBlob, segmentBlob } from "./journal/steps.js";
import { type ObjectKind, Outbox, type OutboxHost, type OutboxItem } from "./outbox.js";
import type { KeptCiphertext, SealedSegment } from "./segment.js";

/** An object that waits for its upload, with what the journal knows of it. */
interface ShelfItem extends OutboxItem {
  readonly unsettled: Unsettled;
  readonly blob: string | undefined;
}

export interface ShelfParts {
  readonly crypto: CryptoProvider;
  readonly journal: Journal;
  /** Milliseconds since 1970. */
  readonly time: () => number;
  readonly onEvent: (event: RecordingEvent) => void;
  /** Something was settled, and the journal knows it. */
  readonly onSettled: () => void;
  readonly onLogged: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** What the journal keeps for the server, on its way through the outbox, and what becomes of it. */
export class Shelf implements OutboxHost {
  readonly outbox = new Outbox(this);
  readonly #parts: ShelfParts;
  readonly #recordingId: string;
  /** Ciphertext of segments that the journal is about to have. */
  readonly #kept = new Map<string, KeptCiphertext>();

  constructor(parts: ShelfParts) {
    this.#parts = parts;
    this.#recordingId = encodeHex(parts.journal.state.start!.recordingId);
  }

  /** Puts everything that the journal has into the outbox: when a recording starts, or goes on. */
  addAll(): void {
    for (const unsettled of this.#parts.journal.state.unsettled.values()) this.add(unsettled);
  }

  /** Keeps what need not be read back from the journal, until that has it. */
  keep(segment: SealedSegment): void {
    this.#kept.set(segmentBlob(segment.track, segment.index), segment);
  }

  /** None where the segment was cut at the moment when it was to end: it is shorter then. */
  #takeKept(blob: string, { length }: SegmentEntry): KeptCiphertext | undefined {
    const kept = this.#kept.get(blob);
    this.#kept.delete(blob);
    if (kept?.parts.reduce((sum, part) => sum + part.length, 0) === length) return kept;
    return undefined;
  }

  /** Hands out what is durable. */
  add(unsettled: Unsettled): void {
    const { object, track, number, entry } = unsettled;
    const cached = entry && this.#takeKept(segmentBlob(track, number), entry);
    const id = this.#recordingId;
    const { state } = this.#parts.journal;
    const item = (kind: ObjectKind, name: string, blob?: string): ShelfItem => ({
      kind,
      name,
      blob,
      unsettled,
      length: entry?.length ?? 0,
      load: () => this.#load(blob, unsettled),
      cached,
    });
    if (object === StoredKind.envelope) this.outbox.add(item("envelope", envelopeName(id)));
    else if (object === StoredKind.page)
      this.outbox.add(item("page", pageName(id, number), pageBlob(number)));
    else if (object === StoredKind.segment)
      this.outbox.add(item("segment", segmentName(id, track, number), segmentBlob(track, number)));
    else {
      const isFinal = state.phase === "signed" && number === state.nextSequence - 1;
      const kind = isFinal ? "manifest" : "checkpoint";
      this.outbox.add(item(kind, manifestName(id, number), manifestBlob(number)));
    }
  }

  acknowledged(item: OutboxItem): void {
    this.#settle(item as ShelfItem, () => []);
  }

  refused(item: OutboxItem, cause: unknown): boolean {
    if (item.kind === "envelope" || item.kind === "manifest") return true;
    this.#lose(item as ShelfItem, LossCause.server, cause);
    return false;
  }

  unreadable(item: OutboxItem, error: unknown): boolean {
    const isGone =
      isBlindreelError(error) && (error.code === "journal-lost" || error.code === "journal-damaged");
    if (!isGone || item.kind === "envelope" || item.kind === "manifest") return false;
    this.#lose(item as ShelfItem, LossCause.storage, error);
    return true;
  }

  /** What will never be stored is said in the log; a checkpoint is superseded by the next. */
  #lose(item: ShelfItem, cause: LossCause, why: unknown): void {
    const { crypto, time, onEvent, onLogged } = this.#parts;
    const { object, track, number: first } = item.unsettled;
    if (item.kind === "checkpoint") {
      this.#settle(item, () => []);
      return;
    }
    onEvent({ type: "lost", name: item.name, cause: why });
    const what = object === StoredKind.page ? Loss.page : Loss.segment;
    const loss = { what, cause, track, first, count: 1 };
    this.#settle(item, () => [lossRecord(crypto, { ...loss, time: time() })], onLogged);
  }

  #settle({ unsettled, blob }: ShelfItem, records: () => JournalRecord[], then?: () => void): void {
    const { object, track, number } = unsettled;
    const { journal, onSettled, onFailure } = this.#parts;
    const settled: JournalRecord = { kind: "settled", object, track, number };
    journal
      .write(() => ({ records: [...records(), settled], dropped: blob ? [blob] : [] }))
      .then(() => {
        then?.();
        onSettled();
      }, onFailure);
  }

  /** @throws BlindreelError `journal-lost`, `journal-damaged`. */
  async #load(blob: string | undefined, { length, entry, digest }: Unsettled): Promise<Bytes> {
    const { journal, crypto } = this.#parts;
    if (blob === undefined) return journal.state.start!.envelope.slice();
    const bytes = (await journal.blob(blob, length)).slice();
    if (digest && !isSameHash(await crypto.digest("SHA-256", bytes), digest))
      throw journalDamaged(`its log (${blob})`);
    if (!entry) return bytes;
    const head = await hashSegmentHead(crypto, bytes.slice(0, SEGMENT_HEAD_LENGTH));
    const chunks = await hashChunks(crypto, bytes.subarray(SEGMENT_HEAD_LENGTH));
    const roots = subroots(chunks.map(leafHash));
    // What a disk did to it is noticed before it is uploaded.
    const isIntact =
      isSameHash(head, entry.head) && roots.every((root, i) => isSameHash(root, entry.subroots[i]!));
    if (!isIntact) throw journalDamaged(`its ciphertext (${blob})`);
    return bytes;
  }
}
