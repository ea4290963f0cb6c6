import { type Bytes, joinBytes } from "../formats/bytes.js";
import { Queue } from "./queue.js";
import type { KeptCiphertext } from "./segment.js";
import { Change, pause } from "./timing.js";

/** What a stored object is. */
export type ObjectKind = "envelope" | "segment" | "page" | "checkpoint" | "manifest";

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

/** An object that waits, and what becomes of it: waiting → out → settled, or back. */
export interface OutboxItem {
  readonly name: string;
  readonly kind: ObjectKind;
  readonly length: number;
  load(): Promise<Bytes>;
  /** Ciphertext that is still in memory, so that it need not be read back. */
  cached?: KeptCiphertext | undefined;
  hasReturned?: boolean;
}

/** What the recording does when an object is settled. */
export interface OutboxHost {
  acknowledged(item: OutboxItem): void;
  /** @returns whether loops that run end with `cause`. */
  refused(item: OutboxItem, cause: unknown): boolean;
  /** The journal does not have it any more. @returns whether that is a loss and no failure. */
  unreadable(item: OutboxItem, error: unknown): boolean;
}

/** Ciphertext kept in memory although the journal has it, in bytes. */
const CACHED_BYTES = 16 * 2 ** 20;

/** A loop that runs, and the error it is to end with. */
interface Loop {
  failure: { readonly error: unknown } | undefined;
}

type Outcome = "acknowledge" | "retry" | "refuse";

/** Hands out what is to be stored, in the order of its making; what came back goes first. */
export class Outbox {
  readonly #host: OutboxHost;
  readonly #waiting = new Queue<OutboxItem>();
  readonly #out = new Set<OutboxItem>();
  readonly #change = new Change();
  readonly #loops = new Set<Loop>();
  #pendingBytes = 0;
  #cachedBytes = 0;
  #state: "open" | "ended" | "closed" = "open";
  /** Loops end with it when nothing is left to hand out. */
  #failure: { readonly error: unknown } | undefined;

  constructor(host: OutboxHost) {
    this.#host = host;
  }

  /** Bytes that wait or are out. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Resolves with the next change. */
  next(): Promise<void> {
    return this.#change.next();
  }

  add(item: OutboxItem): void {
    this.#pendingBytes += item.length;
    if (this.#cachedBytes + item.length > CACHED_BYTES) uncache(item);
    else if (item.cached) this.#cachedBytes += item.length;
    this.#waiting.push(item);
    this.#change.notify();
  }

  /** Nothing more comes: loops end when all is settled. */
  end(): void {
    if (this.#state === "open") this.#state = "ended";
    this.#change.notify();
  }

  /** Loops end at once. */
  close(): void {
    this.#state = "closed";
    this.#change.notify();
  }

  /** Loops end with `error` when all that is there is handed out; undefined: they go on. */
  fail(error: { readonly error: unknown } | undefined): void {
    this.#failure = error;
    this.#change.notify();
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Resolves when the outbox is closed or all is settled. */
  async done(): Promise<void> {
    while (!this.#isDone()) await this.#change.next();
  }

  /** A loop over all objects; several share them. Objects that are out when it is left are handed out again. */
  async *objects(): AsyncGenerator<RecordingObject, void, undefined> {
    const loop: Loop = { failure: undefined };
    const taken = new Set<RecordingObject>();
    this.#loops.add(loop);
    try {
      for (;;) {
        const object = await this.#take(loop, taken);
        if (!object) return;
        yield object;
      }
    } finally {
      this.#loops.delete(loop);
      for (const object of taken) object.retry();
    }
  }

  async #take(loop: Loop, taken: Set<RecordingObject>): Promise<RecordingObject | undefined> {
    for (;;) {
      if (loop.failure) throw loop.failure.error;
      if (this.#isDone()) return undefined;
      const item = this.#waiting.shift();
      if (!item) {
        if (this.#failure && this.#out.size === 0) throw this.#failure.error;
        await this.#change.next();
        continue;
      }
      this.#out.add(item);
      // A loop that gives back what it gets must not keep everybody else from running.
      if (item.hasReturned) await pause(0);
      const object = await this.#load(item, taken);
      if (object && !this.isClosed) return object;
      object?.retry();
    }
  }

  /** @returns undefined where the object is lost. */
  async #load(item: OutboxItem, taken: Set<RecordingObject>): Promise<RecordingObject | undefined> {
    try {
      const bytes = item.cached ? joinBytes(item.cached.parts) : await item.load();
      const settle = (outcome: Outcome, cause?: unknown): void => {
        if (taken.delete(object)) this.#settle(item, outcome, cause);
      };
      const object: RecordingObject = {
        name: item.name,
        kind: item.kind,
        bytes,
        acknowledge: () => settle("acknowledge"),
        retry: () => settle("retry"),
        refuse: (cause) => settle("refuse", cause),
      };
      taken.add(object);
      return object;
    } catch (error) {
      // The journal was let go of meanwhile.
      if (this.isClosed) return undefined;
      const isLoss = this.#host.unreadable(item, error);
      if (isLoss) this.#drop(item);
      else this.#back(item);
      if (!isLoss) throw error;
      return undefined;
    }
  }

  #settle(item: OutboxItem, outcome: Outcome, cause: unknown): void {
    if (this.isClosed || !this.#out.has(item)) return;
    if (outcome === "retry") {
      this.#back(item);
    } else if (outcome === "acknowledge") {
      this.#drop(item);
      this.#host.acknowledged(item);
    } else if (this.#host.refused(item, cause)) {
      this.#back(item);
      for (const loop of this.#loops) loop.failure = { error: cause };
      this.#change.notify();
    } else {
      this.#drop(item);
    }
  }

  #back(item: OutboxItem): void {
    item.hasReturned = true;
    this.#out.delete(item);
    this.#waiting.unshift(item);
    this.#change.notify();
  }

  #drop(item: OutboxItem): void {
    this.#out.delete(item);
    this.#pendingBytes -= item.length;
    if (item.cached) this.#cachedBytes -= item.length;
    uncache(item);
    this.#change.notify();
  }

  #isDone(): boolean {
    const isEmpty = this.#waiting.length === 0 && this.#out.size === 0;
    return this.#state === "closed" || (this.#state === "ended" && isEmpty);
  }
}

function uncache(item: OutboxItem): void {
  item.cached?.release();
  item.cached = undefined;
}
