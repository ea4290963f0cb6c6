/**
 * One piece of work that several callers wait for. Each may give up by its own signal; once none of them waits any
 * more, the work itself is aborted, and with it the network.
 */
export class SharedTask<T> {
  readonly #controller = new AbortController();
  /** For looking on: who awaits this does not keep the work going. */
  readonly result: Promise<T>;
  #waiting = 0;
  #isSettled = false;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.result = work(this.#controller.signal).finally(() => {
      this.#isSettled = true;
    });
    this.result.catch(() => {});
  }

  /** Whether nobody waits for the result any more, so that it will not come. */
  get isAbandoned(): boolean {
    return this.#controller.signal.aborted;
  }

  /** The result. Rejects with `signal.reason` as soon as that is aborted, whatever the work does. */
  async wait(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    this.#waiting++;
    if (!signal || this.#isSettled) return this.result;
    let onAbort!: () => void;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => {
        reject(signal.reason);
        if (--this.#waiting === 0 && !this.#isSettled) this.abort(signal.reason);
      };
    });
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([this.result, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }
}
