import type { Bytes } from "../../formats/bytes.js";
import type { SegmentEntry } from "../../log/entry.js";
import { journalDamaged } from "../../storage/faults.js";

/** Kinds of stored objects, as numbered in the journal. */
export const StoredKind = { envelope: 0, segment: 1, page: 2, manifest: 3 } as const;
export type StoredKind = (typeof StoredKind)[keyof typeof StoredKind];

/** Identity of a stored object within its recording. */
export interface StoredId {
  readonly object: StoredKind;
  /** 0 but for segments. */
  readonly track: number;
  /** Index, page or sequence. */
  readonly number: number;
}

/** A sealed object that is neither acknowledged nor refused. */
export interface PendingObject extends StoredId {
  /** Place in the log: a manifest of a size above it covers the object. */
  readonly n: number;
  /** In bytes. The blob of an earlier run may be longer, by an unconfirmed end. */
  readonly length: number;
  /** Of a segment. */
  readonly entry?: SegmentEntry;
  /** SHA-256 of a page or a manifest, sealed. */
  readonly digest?: Bytes;
}

const ENVELOPE_ID: StoredId = { object: StoredKind.envelope, track: 0, number: 0 };

const keyOf = ({ object, track, number }: StoredId): string => `${object}/${track}/${number}`;

/** All sealed objects that are neither acknowledged nor refused, in the order of their making. */
export class PendingObjects {
  readonly #objects = new Map<string, PendingObject>();
  /** Segments by place in the log, ascending. */
  readonly #segments = new Map<number, PendingObject>();
  /** Places of refused objects, and of the lost entries that name them. */
  #refused: { readonly from: number; readonly to: number }[] = [];
  #fresh: PendingObject[] = [];

  get size(): number {
    return this.#objects.size;
  }

  get(id: StoredId): PendingObject | undefined {
    return this.#objects.get(keyOf(id));
  }

  ofKind(kind: StoredKind): PendingObject[] {
    return [...this.#objects.values()].filter(({ object }) => object === kind);
  }

  add(object: PendingObject): void {
    this.#objects.set(keyOf(object), object);
    this.#fresh.push(object);
    if (object.object === StoredKind.segment) this.#segments.set(object.n, object);
  }

  /** @throws BlindreelError `journal-damaged`. */
  settle(id: StoredId): void {
    const object = this.get(id);
    if (!object) throw journalDamaged("an object that was settled before");
    this.#objects.delete(keyOf(id));
    if (object.object === StoredKind.segment) this.#segments.delete(object.n);
  }

  /** @param n place of the lost entry. @throws BlindreelError `journal-damaged`. */
  refuse(id: StoredId, n: number): void {
    const object = this.get(id);
    if (!object) throw journalDamaged("a loss of what is stored");
    this.#refused.push({ from: object.n, to: n });
  }

  /** Objects added since the last call, and still pending. */
  takeFresh(): readonly PendingObject[] {
    return this.#fresh.splice(0).filter((object) => this.get(object) === object);
  }

  /**
   * Largest size, at most `size`, of a manifest now (format-v1, "Writing and resuming"): each object below it is acknowledged, or
   * refused with its lost entry below it too. Undefined before the envelope is acknowledged.
   *
   * @param last size of the manifest before; pairs below it are settled.
   */
  coverable(size: number, last: number): number | undefined {
    if (this.get(ENVELOPE_ID)) return undefined;
    let covered = size;
    const [segment] = this.#segments.keys();
    if (segment !== undefined) covered = Math.min(covered, segment);
    for (const { object, n } of this.#objects.values()) {
      if (object !== StoredKind.page) continue;
      covered = Math.min(covered, n);
      break;
    }
    this.#refused = this.#refused.filter(({ to }) => to >= last);
    // From the last on: a lower size never falls into a pair that was passed.
    this.#refused.sort((left, right) => right.from - left.from);
    for (const { from, to } of this.#refused) if (from < covered && covered <= to) covered = from;
    return covered;
  }
}
