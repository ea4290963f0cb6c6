import { isBlindreelError } from "../errors.js";
import { type Bytes, joinBytes } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import { Loss, LossCause } from "../log/entry.js";
import { envelopeName, manifestName, pageName, segmentName } from "../log/names.js";
import { isSameHash } from "../log/tree.js";
import { journalDamaged } from "../storage/faults.js";
import type { RecordingContext } from "./context.js";
import { manifestBlob, pageBlob, segmentBlob } from "./journal/blobs.js";
import { lostEntry, type NewEntry } from "./journal/entries.js";
import { type PendingObject, StoredKind } from "./journal/pending.js";
import type { KeptCiphertext } from "./segment.js";
import { hashSegment } from "./segment-hashes.js";

/** Kinds of stored objects. A checkpoint is an open manifest. */
export type ObjectKind = "envelope" | "segment" | "page" | "checkpoint" | "manifest";

/** An object of the journal on its way to the server. */
export class JournalObject {
  readonly kind: ObjectKind;
  readonly name: string;
  /** Bytes of ciphertext that wait; 0 but for segments. */
  readonly length: number;
  /** In memory too, so that the journal need not be read. */
  ciphertext: KeptCiphertext | undefined;
  hasReturned = false;
  readonly #context: RecordingContext;
  readonly #pending: PendingObject;
  /** Undefined for the envelope, which is a record. */
  readonly #blob: string | undefined;

  constructor(context: RecordingContext, pending: PendingObject, ciphertext: KeptCiphertext | undefined) {
    this.#context = context;
    this.#pending = pending;
    this.ciphertext = ciphertext;
    this.length = pending.entry?.length ?? 0;
    [this.kind, this.name, this.#blob] = identify(context, pending);
  }

  /** Whether no recording goes without it. */
  get isRequired(): boolean {
    return this.kind === "envelope" || this.kind === "manifest";
  }

  /** @throws BlindreelError `journal-lost`, `journal-damaged`; those of the store. */
  async load(): Promise<Bytes> {
    const { journal, settings } = this.#context;
    const { length, entry, digest } = this.#pending;
    if (this.ciphertext) return joinBytes(this.ciphertext.parts);
    if (this.#blob === undefined) return journal.state.start!.envelope.slice();
    // Damage on the disk is noticed before an upload.
    const bytes = (await journal.blob(this.#blob, length)).slice();
    if (digest && !isSameHash(await settings.crypto.digest("SHA-256", bytes), digest))
      throw journalDamaged(`its log (${this.#blob})`);
    if (!entry) return bytes;
    const { head, subroots } = await hashSegment(settings.crypto, bytes);
    if (isSameHash(head, entry.head) && subroots.every((root, i) => isSameHash(root, entry.subroots[i]!)))
      return bytes;
    throw journalDamaged(`its ciphertext (${this.#blob})`);
  }

  acknowledge(): void {
    this.#settle(() => []);
  }

  /** The server refused it for good. */
  refuse(why: unknown): void {
    this.#lose(LossCause.server, why);
  }

  /** @returns whether the journal has lost it, which the log then says. */
  isLostBy(error: unknown): boolean {
    const isGone =
      isBlindreelError(error) && (error.code === "journal-lost" || error.code === "journal-damaged");
    if (!isGone || this.isRequired) return false;
    this.#lose(LossCause.storage, error);
    return true;
  }

  /** Releases the ciphertext in memory. */
  uncache(): void {
    this.ciphertext?.release();
    this.ciphertext = undefined;
  }

  /** A lost entry names the object; a lost checkpoint is superseded by the next. */
  #lose(cause: LossCause, why: unknown): void {
    const { settings, time } = this.#context;
    const { object, track, number: first } = this.#pending;
    if (this.kind === "checkpoint") {
      this.acknowledge();
      return;
    }
    settings.onEvent({ type: "lost", name: this.name, cause: why });
    const what = object === StoredKind.page ? Loss.page : Loss.segment;
    this.#settle(() => [lostEntry({ what, cause, track, first, count: 1, time: time() })]);
  }

  #settle(entries: () => NewEntry[]): void {
    const { journal, life } = this.#context;
    const { object, track, number } = this.#pending;
    const dropped = this.#blob === undefined ? [] : [this.#blob];
    journal
      .write(() => ({ entries: entries(), records: [{ kind: "settled", object, track, number }], dropped }))
      .catch((error) => life.fail(error));
  }
}

function identify(
  { journal: { state } }: RecordingContext,
  { object, track, number }: PendingObject,
): [kind: ObjectKind, name: string, blob?: string] {
  const id = encodeHex(state.start!.recordingId);
  if (object === StoredKind.envelope) return ["envelope", envelopeName(id)];
  if (object === StoredKind.segment)
    return ["segment", segmentName(id, track, number), segmentBlob(track, number)];
  if (object === StoredKind.page) return ["page", pageName(id, number), pageBlob(number)];
  const isFinal = state.phase === "signed" && number === state.nextSequence - 1;
  return [isFinal ? "manifest" : "checkpoint", manifestName(id, number), manifestBlob(number)];
}
