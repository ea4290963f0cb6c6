import type { MaybePromise } from "../formats/bytes.js";
import type { ReadOptions } from "../source/byte-source.js";
import { untilAborted } from "./retry.js";

interface Kept<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  readonly weight: number;
  users: number;
  isSettled: boolean;
  released?: Promise<void>;
}

/**
 * Results of shared work by key, the least recently used released first. What is in use stays, and so does the newest. Each user
 * leaves by its own signal; work that the last of them leaves is aborted, and with it the network.
 */
export class TaskCache<T> {
  readonly #limit: number;
  readonly #release: (value: T) => MaybePromise<void>;
  /** In the order of use. */
  readonly #kept = new Map<string, Kept<T>>();
  #weight = 0;
  #closed: { readonly reason: unknown } | undefined;

  /** @param limit on the weights' sum. */
  constructor(limit: number, release: (value: T) => MaybePromise<void>) {
    this.#limit = limit;
    this.#release = release;
  }

  /**
   * Lends the result under `key`, from here or by `work`, for as long as `action` runs. A failure is not kept.
   *
   * @throws the failure; `signal.reason`, at once whatever the work does; the reason of {@link close}.
   */
  async use<R>(
    key: string,
    weight: number,
    { signal }: ReadOptions,
    work: (signal: AbortSignal) => Promise<T>,
    action: (value: T) => MaybePromise<R>,
  ): Promise<R> {
    signal?.throwIfAborted();
    if (this.#closed) throw this.#closed.reason;
    const kept = this.#kept.get(key) ?? this.#start(key, weight, work);
    // Behind the others.
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    kept.users++;
    this.#trim();
    try {
      return await action(await untilAborted(signal, () => kept.result));
    } finally {
      kept.users--;
      if (kept.users === 0 && !kept.isSettled) this.#remove(key, kept);
      if (kept.users === 0 && this.#kept.get(key) !== kept) this.#end(kept, signal?.reason).catch(() => {});
      this.#trim();
    }
  }

  /** Aborts and releases everything, in use or not. */
  async close(reason: unknown): Promise<void> {
    this.#closed = { reason };
    const ending = [...this.#kept.values()].map((kept) => this.#end(kept, reason));
    this.#kept.clear();
    await Promise.all(ending);
  }

  #start(key: string, weight: number, work: (signal: AbortSignal) => Promise<T>): Kept<T> {
    const stop = new AbortController();
    const kept = { result: work(stop.signal), stop, weight, users: 0, isSettled: false };
    const settle = (): void => {
      kept.isSettled = true;
    };
    kept.result.then(settle, () => {
      settle();
      this.#remove(key, kept);
    });
    this.#weight += weight;
    return kept;
  }

  #trim(): void {
    for (const [key, kept] of this.#kept) {
      if (this.#weight <= this.#limit || this.#kept.size === 1) return;
      if (kept.users > 0) continue;
      this.#remove(key, kept);
      this.#end(kept).catch(() => {});
    }
  }

  #remove(key: string, kept: Kept<T>): void {
    if (this.#kept.get(key) !== kept) return;
    this.#kept.delete(key);
    this.#weight -= kept.weight;
  }

  #end(kept: Kept<T>, reason?: unknown): Promise<void> {
    kept.stop.abort(reason);
    kept.released ??= kept.result.then(this.#release, () => {});
    return kept.released;
  }
}
