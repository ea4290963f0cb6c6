import { BlindreelError, isBlindreelError, outOfRange, wrongType } from "../errors.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import {
  type Check,
  type Checks,
  functionArgument,
  readOptions,
  signalArgument,
} from "../formats/options.js";
import { PROGRESS_INTERVAL } from "../stream/operation.js";
import type { ObjectKind } from "./journal-object.js";
import type { Outbox, RecordingObject } from "./outbox.js";
import { pause } from "./timing.js";

/** Stores one object under its name, whole; storing the same again must be harmless. Where it throws, the object is tried again. */
export type PutObject = (
  name: string,
  bytes: Bytes,
  details: { readonly kind: ObjectKind; readonly signal: AbortSignal },
) => MaybePromise<unknown>;

/** Options of a recording's `upload`. */
export interface UploadOptions {
  /** Objects that are on their way at the same time: 3 unless given. */
  readonly concurrency?: number;
  /** Milliseconds before the first retry of an object, doubled up to `longestDelay`: 500 and 30,000 unless given. */
  readonly firstDelay?: number;
  readonly longestDelay?: number;
  readonly signal?: AbortSignal;
  /** Called at most ten times a second, and once at the end. */
  readonly onProgress?: (progress: UploadProgress) => void;
}

/** What `onProgress` of an upload gets. */
export interface UploadProgress {
  /** Stored by this loop. */
  readonly bytes: number;
  readonly objects: number;
  /** Bytes that are sealed and not stored yet. */
  readonly waiting: number;
}

/** How an upload ended: all is stored, or the recording was closed or aborted before. */
export type UploadOutcome = "stored" | "closed";

const MAX_CONCURRENCY = 64;

const delay: Check<number> = (name, value) => {
  if (typeof value !== "number") throw wrongType(name, "a number", value);
  if (!(value >= 0)) throw outOfRange(name, "0 milliseconds or more", value);
  return value;
};

const UPLOAD_CHECKS: Checks<UploadOptions> = {
  concurrency(name, value) {
    if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > MAX_CONCURRENCY)
      throw outOfRange(name, `an integer from 1 to ${MAX_CONCURRENCY}`, value);
    return value as number;
  },
  firstDelay: delay,
  longestDelay: delay,
  signal: signalArgument,
  onProgress: functionArgument,
};

/**
 * To be thrown by a {@link PutObject}: the server will never take this object (a 413, a wrong region), so trying again is
 * useless. See {@link RecordingObject.refuse}.
 */
export function uploadRefused(reason: string, options?: ErrorOptions): BlindreelError<"upload-refused"> {
  return new BlindreelError(
    "upload-refused",
    `the server refuses this object: ${reason}`,
    undefined,
    options,
  );
}

/** The one loop that uploads everything, with backoff. @throws TypeError, RangeError at the call. */
export function uploadAll(outbox: Outbox, put: PutObject, given: unknown): Promise<UploadOutcome> {
  if (typeof put !== "function") throw wrongType("put", "a function that stores an object", put);
  const options = readOptions<UploadOptions>("options", given, UPLOAD_CHECKS);
  const { concurrency = 3, firstDelay = 500, signal, onProgress = () => {} } = options;
  const { longestDelay = Math.max(30_000, firstDelay) } = options;
  if (longestDelay < firstDelay)
    throw outOfRange("options.longestDelay", `${firstDelay} milliseconds or more`, longestDelay);
  return new Upload(outbox, put, { concurrency, firstDelay, longestDelay, onProgress }).run(signal);
}

type LoopOptions = Required<Omit<UploadOptions, "signal">>;

class Upload {
  readonly #outbox: Outbox;
  readonly #put: PutObject;
  readonly #options: LoopOptions;
  /** Aborted when the loop ends: no put is waited for then. */
  readonly #stop = new AbortController();
  /** Tries of each object that failed. */
  readonly #failures = new Map<string, number>();
  #bytes = 0;
  #objects = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(outbox: Outbox, put: PutObject, options: LoopOptions) {
    this.#outbox = outbox;
    this.#put = put;
    this.#options = options;
  }

  async run(signal: AbortSignal | undefined): Promise<UploadOutcome> {
    signal?.throwIfAborted();
    const onAbort = (): void => this.#stop.abort(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const lanes = Array.from({ length: this.#options.concurrency }, () => this.#lane());
    const all = Promise.all(lanes);
    all.catch(() => {});
    try {
      await this.#orStopped(Promise.race([all, this.#outbox.done()]));
      signal?.throwIfAborted();
      if (!this.#outbox.isClosed) await all;
      this.#report(true);
      return this.#outbox.isClosed ? "closed" : "stored";
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#stop.abort();
    }
  }

  /** One object at a time, until none is left. */
  async #lane(): Promise<void> {
    const objects = this.#outbox.objects((name) => this.#pauseAfter(name));
    try {
      for (;;) {
        const next = await this.#orStopped(objects.next());
        if (!next || next.done || this.#stop.signal.aborted) return;
        await this.#store(next.value);
      }
    } finally {
      // Objects that are out return. Not waited for: the loop may be in a wait that only the outbox ends.
      objects.return().catch(() => {});
    }
  }

  async #store(object: RecordingObject): Promise<void> {
    const { signal } = this.#stop;
    const { name, kind, bytes } = object;
    // Read before the put, which may transfer the bytes.
    const { length } = bytes;
    try {
      await this.#orStopped(this.#put(name, bytes, { kind, signal }));
      if (signal.aborted) return object.retry();
      this.#failures.delete(name);
      this.#bytes += length;
      this.#objects++;
      object.acknowledge();
      this.#report(false);
    } catch (error) {
      if (isBlindreelError(error) && error.code === "upload-refused") return object.refuse(error);
      await this.#pauseAfter(name);
      object.retry();
    }
  }

  async #pauseAfter(name: string): Promise<void> {
    const { firstDelay, longestDelay } = this.#options;
    const failures = this.#failures.get(name) ?? 0;
    this.#failures.set(name, failures + 1);
    const delay = Math.min(firstDelay * 2 ** failures, longestDelay);
    // Jitter: not all at once when a server comes back.
    await pause(delay * (0.5 + fraction() / 2), this.#stop.signal);
  }

  /**
   * The result of `work`, or undefined when the loop stops before. `Promise.race` with one promise of the loop's lifetime would
   * keep every object's bytes.
   */
  #orStopped<T>(work: MaybePromise<T>): Promise<T | undefined> {
    const { signal } = this.#stop;
    return new Promise((resolve, reject) => {
      const onStop = (): void => resolve(undefined);
      if (signal.aborted) onStop();
      signal.addEventListener("abort", onStop, { once: true });
      const settled = (): void => signal.removeEventListener("abort", onStop);
      Promise.resolve(work).then(resolve, reject).then(settled);
    });
  }

  #report(isLast: boolean): void {
    const now = performance.now();
    if (!isLast && now - this.#reportedAt < PROGRESS_INTERVAL) return;
    this.#reportedAt = now;
    const progress = { bytes: this.#bytes, objects: this.#objects, waiting: this.#outbox.pendingBytes };
    this.#options.onProgress(progress);
  }
}

/** From 0 up to 1. */
function fraction(): number {
  return globalThis.crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32;
}
