import { closedError } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";

/**
 * Keys that several operations use, and that are wiped when the last of them has ended: no operation outlives its keys,
 * and none is begun with keys of zeros.
 */
export class KeyHolder<K extends Readonly<Record<string, Bytes>>> {
  readonly #keys: K;
  readonly #what: string;
  readonly #closing = new AbortController();
  #users = 0;
  #closed: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  /** @param keys owned and wiped by this holder alone. @param what names their owner in errors. */
  constructor(keys: K, what: string) {
    this.#keys = keys;
    this.#what = what;
  }

  /** Aborted with `closed` as soon as {@link close} is called: what an operation may wait for need not be waited for. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** @throws BlindreelError `closed`. */
  checkOpen(): void {
    if (this.#closed) throw closedError(this.#what);
  }

  /**
   * Lends the keys for as long as `action` runs; it keeps no view of them. Uses may be nested.
   *
   * @throws BlindreelError `closed` once {@link close} was called.
   */
  async use<T>(action: (keys: K) => Promise<T>): Promise<T> {
    this.checkOpen();
    this.#users++;
    try {
      return await action(this.#keys);
    } finally {
      if (--this.#users === 0) this.#wake?.();
    }
  }

  /** Refuses new users, waits for those there are, then wipes. Never rejects; every call gives the same promise. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const isInUse = this.#users > 0;
    const idle = new Promise<void>((wake) => {
      this.#wake = wake;
    });
    this.#closing.abort(closedError(this.#what));
    if (isInUse) await idle;
    wipe(...Object.values(this.#keys));
  }
}
