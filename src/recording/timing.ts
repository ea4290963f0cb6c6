/** Time for the recorder: a clock that never falls, timers of any length, and waiting for a change. */

/** The longest delay that timers take as it is. */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Milliseconds since 1970: the caller's clock at the start, and monotonic time since, so that times never fall within a
 * take when the machine's clock is set (format-v1, "Entries").
 *
 * @param atLeast the latest time in the journal of an earlier run.
 */
export function monotonicClock(now: () => Date, atLeast = 0): () => number {
  const start = Math.max(now().getTime(), atLeast);
  const origin = performance.now();
  return () => Math.floor(start + performance.now() - origin);
}

/**
 * A timer that keeps no process alive, also for delays above 2^31 - 1 ms, which platforms cut, and `Infinity`, which is never.
 *
 * @returns its end.
 */
export function lazyTimeout(action: () => void, delay: number): () => void {
  if (delay === Number.POSITIVE_INFINITY) return () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (left: number): void => {
    const step = Math.min(left, LONGEST_DELAY);
    timer = setTimeout(() => (left > step ? wait(left - step) : action()), step);
    (timer as { unref?: () => void }).unref?.();
  };
  wait(Math.max(0, delay));
  return () => clearTimeout(timer);
}

/** Resolves after `delay` milliseconds. Unlike {@link lazyTimeout} it keeps a process alive, for its caller's sake. */
export function pause(delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, Math.min(delay, LONGEST_DELAY));
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    if (signal?.aborted) done();
    else signal?.addEventListener("abort", done, { once: true });
  });
}

/** Keeps a process alive during a wait for a {@link lazyTimeout}. @returns its end. */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, LONGEST_DELAY);
  return () => clearInterval(timer);
}

/** Whether `work` settled within `timeout` milliseconds. Never rejects. */
export function settlesWithin(work: Promise<unknown>, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Not lazy: a process that waits for `finish` must not end before it.
    const timer = timeout <= LONGEST_DELAY ? setTimeout(() => resolve(false), timeout) : undefined;
    const settled = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    work.then(settled, settled);
  });
}

/** `promise`, whose rejection needs no handler: the recording tells of its failure by an event. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** A condition to wait for. Between a look at it and {@link next} no `await` may stand: then no change is missed. */
export class Change {
  #waiting: (() => void)[] = [];

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  notify(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
