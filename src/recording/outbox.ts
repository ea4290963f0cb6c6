import { isBlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { lengthOf } from "../storage/pieces.js";
import type { RecordingContext } from "./context.js";
import { segmentBlob } from "./journal/blobs.js";
import type { PendingObject } from "./journal/pending.js";
import { JournalObject, type ObjectKind } from "./journal-object.js";
import { Queue } from "./queue.js";
import type { KeptCiphertext, SealedSegment } from "./segment.js";
import { Change, pause } from "./timing.js";

/** An object to be stored under its name, whole, by one idempotent put. Settle each by one of its three calls. */
export interface RecordingObject {
  readonly name: string;
  readonly kind: ObjectKind;
  /** Byte for byte the same whenever this object is handed out, also after a crash. They are the caller's. */
  readonly bytes: Bytes;
  /** The server has it: the journal need not keep it. */
  acknowledge(): void;
  /** The upload failed: it is handed out again. */
  retry(): void;
  /**
   * The server will never take it. A segment or page becomes a loss that the manifest names; of a refused envelope or last
   * manifest, loops that run end with `cause`, and the next one tries again.
   */
  refuse(cause: unknown): void;
}

/** Ceiling of the ciphertext in memory that the journal has too, in bytes. */
const CACHED_BYTES = 16 * 2 ** 20;

type PauseAfter = (name: string) => Promise<void>;

interface Loop {
  /** Handed out and not settled. */
  readonly taken: Set<RecordingObject>;
  readonly pauseAfter: PauseAfter | undefined;
  /** Ends the loop. */
  failure: { readonly error: unknown } | undefined;
}

type Outcome = "acknowledge" | "retry" | "refuse";

function isStorageFailure(error: unknown): boolean {
  return isBlindreelError(error) && error.code === "storage-failed";
}

/** Hands out the journal's pending objects, in the order of their making, returned ones first: waiting → out → settled, or back. */
export class Outbox {
  readonly #context: RecordingContext;
  readonly #waiting = new Queue<JournalObject>();
  readonly #out = new Set<JournalObject>();
  /** Ciphertext of segments that are not in the journal yet, by blob. */
  readonly #kept = new Map<string, KeptCiphertext>();
  readonly #change = new Change();
  readonly #loops = new Set<Loop>();
  #pendingBytes = 0;
  #cachedBytes = 0;
  #state: "open" | "ended" | "closed" = "open";

  constructor(context: RecordingContext) {
    this.#context = context;
  }

  /** Bytes of segments that wait or are out. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Whether sealing has to wait for the server. */
  get isFull(): boolean {
    const { life, settings } = this.#context;
    return life.is("recording") && this.#pendingBytes > settings.maxUnacknowledged;
  }

  /** Resolves when it is not full. */
  async room(): Promise<void> {
    while (this.isFull) await this.#change.next();
  }

  /** Resolves when it is closed, or all is settled. */
  async done(): Promise<void> {
    while (!this.#isDone()) await this.#change.next();
  }

  /** Keeps a segment's ciphertext until the journal has it, so that it need not be read back. */
  keep(segment: SealedSegment): void {
    this.#kept.set(segmentBlob(segment.track, segment.index), segment);
  }

  add(pending: PendingObject): void {
    const object = new JournalObject(this.#context, pending, this.#takeKept(pending));
    this.#pendingBytes += object.length;
    if (this.#cachedBytes + object.length > CACHED_BYTES) object.uncache();
    else if (object.ciphertext) this.#cachedBytes += object.length;
    this.#waiting.push(object);
    this.wake();
  }

  /** To be called when the recording's state has changed: loops and {@link room} look again. */
  wake(): void {
    this.#change.notify();
  }

  /** Nothing more comes: loops end when all is settled. */
  end(): void {
    if (this.#state === "open") this.#state = "ended";
    this.wake();
  }

  /** Loops end at once. */
  close(): void {
    this.#state = "closed";
    this.wake();
  }

  /**
   * A loop over all objects; several share them. Objects that are out when it is left are handed out again.
   *
   * @param pauseAfter waits before the next try of an object that the journal's storage failed to read; without it, the loop throws.
   */
  async *objects(pauseAfter?: PauseAfter): AsyncGenerator<RecordingObject, void, undefined> {
    const loop: Loop = { taken: new Set(), pauseAfter, failure: undefined };
    this.#loops.add(loop);
    try {
      for (;;) {
        const object = await this.#take(loop);
        if (!object) return;
        yield object;
      }
    } finally {
      this.#loops.delete(loop);
      for (const object of loop.taken) object.retry();
    }
  }

  async #take(loop: Loop): Promise<RecordingObject | undefined> {
    for (;;) {
      if (loop.failure) throw loop.failure.error;
      if (this.#isDone()) return undefined;
      const object = this.#waiting.shift();
      if (!object) {
        const { failure } = this.#context.life;
        if (failure && this.#out.size === 0) throw failure.error;
        await this.#change.next();
        continue;
      }
      this.#out.add(object);
      // A loop of retries must not keep all other work from running.
      if (object.hasReturned) await pause(0);
      const handle = await this.#handOut(object, loop);
      if (handle && !this.isClosed) return handle;
      handle?.retry();
    }
  }

  /** @returns undefined where the object is lost, or has returned. */
  async #handOut(object: JournalObject, loop: Loop): Promise<RecordingObject | undefined> {
    try {
      const settle = (outcome: Outcome, cause?: unknown): void => {
        if (loop.taken.delete(handle)) this.#settle(object, outcome, cause);
      };
      const handle: RecordingObject = {
        name: object.name,
        kind: object.kind,
        bytes: await object.load(),
        acknowledge: () => settle("acknowledge"),
        retry: () => settle("retry"),
        refuse: (cause) => settle("refuse", cause),
      };
      loop.taken.add(handle);
      return handle;
    } catch (error) {
      // The journal was released meanwhile.
      if (this.isClosed) return undefined;
      if (object.isLostBy(error)) {
        this.#drop(object);
        return undefined;
      }
      const pauseAfter = isStorageFailure(error) && !this.#context.life.failure ? loop.pauseAfter : undefined;
      await pauseAfter?.(object.name);
      this.#back(object);
      if (pauseAfter) return undefined;
      throw error;
    }
  }

  #settle(object: JournalObject, outcome: Outcome, cause: unknown): void {
    if (this.isClosed || !this.#out.has(object)) return;
    if (outcome === "retry" || (outcome === "refuse" && object.isRequired)) {
      this.#back(object);
      if (outcome === "refuse") for (const loop of this.#loops) loop.failure = { error: cause };
      return;
    }
    this.#drop(object);
    if (outcome === "acknowledge") object.acknowledge();
    else object.refuse(cause);
  }

  #back(object: JournalObject): void {
    object.hasReturned = true;
    this.#out.delete(object);
    this.#waiting.unshift(object);
    this.wake();
  }

  #drop(object: JournalObject): void {
    this.#out.delete(object);
    this.#pendingBytes -= object.length;
    if (object.ciphertext) this.#cachedBytes -= object.length;
    object.uncache();
    this.wake();
  }

  #isDone(): boolean {
    const isEmpty = this.#waiting.length === 0 && this.#out.size === 0;
    return this.#state === "closed" || (this.#state === "ended" && isEmpty);
  }

  /** Undefined for a segment that was cut while it ended: it is shorter then. */
  #takeKept({ track, number, entry }: PendingObject): KeptCiphertext | undefined {
    if (!entry) return undefined;
    const blob = segmentBlob(track, number);
    const kept = this.#kept.get(blob);
    this.#kept.delete(blob);
    return kept && lengthOf(kept.parts) === entry.length ? kept : undefined;
  }
}
