import { outOfRange } from "../errors.js";
import { type Bytes, concatBytes } from "../formats/bytes.js";
import type { Journal } from "./journal.js";
import { blobName, byteLength } from "./journal-batch.js";
import type { SegmentState } from "./journal-state.js";
import { objectName } from "./object-name.js";
import { gapsIn, type Range, withRange } from "./ranges.js";

/** A stretch of a stored object, ready to be uploaded. */
export interface RecordingPart {
  /** Number of the track, from 1. */
  readonly track: number;
  /** Index of the segment. */
  readonly index: number;
  /** Where `bytes` belong in the object. */
  readonly offset: number;
  /** Empty only in a last part that says nothing else than that the object is complete. */
  readonly bytes: Bytes;
  /** The object's name: one for each segment. */
  readonly objectName: string;
  /** Whether the object ends here. It may be shorter than the smallest size asked for. */
  readonly isLast: boolean;
  /** The server has it: the journal drops it. */
  acknowledge(): void;
  /** The upload failed: the part is handed out again, byte for byte the same. */
  retry(): void;
}

export interface PartOptions {
  /** Fewest bytes of every part but an object's last: 5 MiB for S3's multipart uploads. 0 unless given. */
  readonly minSize?: number;
}

/** What was handed out of a segment, and what was not. */
interface Shipment {
  readonly segment: SegmentState;
  /** Parts that came back. */
  readonly returned: Range[];
  /** From before a crash, between what was acknowledged. */
  readonly holes: Range[];
  /** From here on nothing was handed out. */
  cursor: number;
  outstanding: number;
  acknowledged: readonly Range[];
  isLastTaken: boolean;
  isLastAcknowledged: boolean;
}

/** Memory for ciphertext that is journalled and will be asked for soon, in bytes. */
const CACHED_BYTES = 4 * 2 ** 20;

/** Cuts what is journalled into parts. */
export class Outbox {
  readonly #journal: Journal;
  readonly #recordingId: string;
  readonly #shipments = new Map<SegmentState, Shipment>();
  /** Parts that are neither acknowledged nor given back. */
  readonly #outstanding = new Set<RecordingPart>();
  readonly #cache = new Map<string, readonly Bytes[]>();
  #cachedBytes = 0;
  #unacknowledged: number;
  #waiting: (() => void)[] = [];
  #assembling: Promise<unknown> = Promise.resolve();
  /** Nothing more will be sealed. */
  #isEnded = false;
  #closed: { readonly error?: unknown } | undefined;

  constructor(journal: Journal, recordingId: string) {
    this.#journal = journal;
    this.#recordingId = recordingId;
    this.#unacknowledged = journal.state.unacknowledgedBytes;
  }

  get unacknowledgedBytes(): number {
    return this.#unacknowledged;
  }

  /** To be told of all that the journal has taken. */
  added(segment: SegmentState, offset: number, bytes: readonly Bytes[]): void {
    const length = byteLength(bytes);
    this.#unacknowledged += length;
    this.#cache.set(blobName(segment, offset), bytes);
    this.#cachedBytes += length;
    for (const name of this.#cache.keys()) {
      if (this.#cachedBytes <= CACHED_BYTES) break;
      this.#forget(name);
    }
    this.changed();
  }

  /** Something happened that a waiting uploader or writer may want to know. */
  changed(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves with the next change. */
  nextChange(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Nothing more comes; iterations end when all is acknowledged. */
  end(): void {
    this.#isEnded = true;
    this.changed();
  }

  /** Iterations end at once, with `error` if there is one. */
  close(error?: unknown): void {
    this.#closed ??= error === undefined ? {} : { error };
    this.changed();
  }

  parts({ minSize = 0 }: PartOptions): AsyncGenerator<RecordingPart, void, undefined> {
    if (!Number.isSafeInteger(minSize) || minSize < 0)
      throw outOfRange("minSize", "0 bytes or more", minSize);
    return this.#iterate(minSize);
  }

  async *#iterate(minSize: number): AsyncGenerator<RecordingPart, void, undefined> {
    const taken = new Set<RecordingPart>();
    try {
      for (;;) {
        const part = await this.#next(minSize);
        if (!part) return;
        for (const other of taken) if (!this.#outstanding.has(other)) taken.delete(other);
        taken.add(part);
        yield part;
      }
    } finally {
      for (const part of taken) part.retry();
    }
  }

  /** The next part there is, or is going to be; undefined at the end. */
  async #next(minSize: number): Promise<RecordingPart | undefined> {
    for (;;) {
      const part = await this.#inTurn(() => this.#assemble(minSize));
      if (part) return part;
      if (this.#closed) {
        if ("error" in this.#closed) throw this.#closed.error;
        return undefined;
      }
      if (this.#isEnded && this.#journal.state.unstored.size === 0) return undefined;
      await this.nextChange();
    }
  }

  /** One after the other: a part's length is known only when its blobs were read. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#assembling.then(action);
    this.#assembling = result.catch(() => {});
    return result;
  }

  async #assemble(minSize: number): Promise<RecordingPart | undefined> {
    if (this.#closed && !("error" in this.#closed)) return undefined;
    for (const segment of this.#journal.state.unstored) {
      const shipment = this.#shipmentOf(segment);
      const part = await this.#nextOf(shipment, minSize);
      if (part) return part;
    }
    return undefined;
  }

  #shipmentOf(segment: SegmentState): Shipment {
    let shipment = this.#shipments.get(segment);
    if (!shipment) {
      const holes = gapsIn(segment.acknowledged, segment.length);
      const open = holes.at(-1)?.end === segment.length ? holes.pop() : undefined;
      shipment = {
        segment,
        returned: [],
        holes,
        cursor: open?.start ?? segment.length,
        outstanding: 0,
        acknowledged: segment.acknowledged,
        isLastTaken: false,
        isLastAcknowledged: false,
      };
      this.#shipments.set(segment, shipment);
    }
    return shipment;
  }

  async #nextOf(shipment: Shipment, minSize: number): Promise<RecordingPart | undefined> {
    const { segment, returned, holes, cursor } = shipment;
    const [again] = returned;
    if (again) {
      const part = await this.#read(shipment, again, again.end - again.start);
      returned.shift();
      return part;
    }
    const [hole] = holes;
    if (hole) {
      const part = await this.#read(shipment, hole, minSize);
      holes.shift();
      const start = hole.start + part.bytes.length;
      if (start < hole.end) holes.unshift({ start, end: hole.end });
      return part;
    }
    const available = segment.length - cursor;
    const isClosed = segment.end !== undefined;
    if (available > 0 && (available >= minSize || isClosed)) {
      const part = await this.#read(shipment, { start: cursor, end: segment.length }, minSize);
      shipment.cursor += part.bytes.length;
      return part;
    }
    // A crash came before anybody was told that this object ends where it does.
    if (isClosed && available === 0 && !shipment.isLastTaken && shipment.outstanding === 0) {
      return this.#read(shipment, { start: cursor, end: cursor }, 0);
    }
    return undefined;
  }

  /** Whole blobs from `start` on until there are `size` bytes, or all up to `end`. */
  async #read(shipment: Shipment, { start, end }: Range, size: number): Promise<RecordingPart> {
    const { segment } = shipment;
    const names: string[] = [];
    const blobs: Bytes[] = [];
    let offset = start;
    while (offset < end && (offset === start || offset - start < size)) {
      const name = blobName(segment, offset);
      const blob = this.#cache.get(name) ?? [await this.#journal.ciphertext(segment, offset)];
      names.push(name);
      blobs.push(...blob);
      offset += byteLength(blob);
    }
    // A copy in any case: the caller may change it, or transfer it away.
    const bytes = concatBytes(...blobs);
    const isLast = segment.end !== undefined && offset === segment.length;
    if (isLast) shipment.isLastTaken = true;
    const { track, index } = segment;
    const settle = (): boolean => {
      if (!this.#outstanding.delete(part)) return false;
      shipment.outstanding--;
      return true;
    };
    const part: RecordingPart = {
      track,
      index,
      offset: start,
      bytes,
      objectName: objectName(this.#recordingId, track, index),
      isLast,
      acknowledge: () => {
        if (settle()) this.#acknowledge(shipment, { start, end: offset }, names, isLast);
      },
      retry: () => {
        if (!settle()) return;
        shipment.returned.push({ start, end: offset });
        if (start === offset) {
          shipment.returned.pop();
          shipment.isLastTaken = false;
        }
        this.changed();
      },
    };
    this.#outstanding.add(part);
    shipment.outstanding++;
    return part;
  }

  #forget(name: string): void {
    this.#cachedBytes -= byteLength(this.#cache.get(name) ?? []);
    this.#cache.delete(name);
  }

  #acknowledge(shipment: Shipment, range: Range, blobs: readonly string[], isLast: boolean): void {
    const { segment } = shipment;
    if (range.end > range.start) shipment.acknowledged = withRange(shipment.acknowledged, range);
    if (isLast) shipment.isLastAcknowledged = true;
    const isWhole = gapsIn(shipment.acknowledged, segment.length).length === 0;
    const isStored = segment.end !== undefined && shipment.isLastAcknowledged && isWhole;
    this.#unacknowledged -= range.end - range.start;
    for (const name of blobs) this.#forget(name);
    const known = this.#journal.acknowledge({ segment, ...range, blobs, isStored });
    known.then(
      () => {
        if (isStored) this.#shipments.delete(segment);
        this.changed();
      },
      (error) => this.close(error),
    );
    this.changed();
  }
}
