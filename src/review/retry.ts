import { isBlindreelError, outOfRange } from "../errors.js";
import { type Check, type Checks, readOptions } from "../formats/options.js";
import type { ReadOptions } from "../source/byte-source.js";
import { sourceFailed } from "../source/byte-source.js";

/** How often and how long a store is asked. What it answers is never asked again; only that it did not answer is. */
export interface RetryOptions {
  /** Tries in all; 4 unless stated. */
  readonly attempts?: number;
  /** Milliseconds that one try may take; 30,000 unless stated. A server that is silent for longer has failed. */
  readonly timeout?: number;
  /** Milliseconds before the second try, twice as many before each further one; 250 unless stated. */
  readonly backoff?: number;
}

/** Timers hold no more; a longer one would fire at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;

const integer =
  (least: number): Check<number> =>
  (name, value) => {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > LONGEST_TIMER)
      throw outOfRange(name, `an integer from ${least} to ${LONGEST_TIMER}`, String(value));
    return value as number;
  };
const RETRY: Checks<RetryOptions> = { attempts: integer(1), timeout: integer(1), backoff: integer(0) };

/** @throws TypeError, RangeError. */
export const retryArgument: Check<Required<RetryOptions>> = (name, value) => ({
  attempts: 4,
  timeout: 30_000,
  backoff: 250,
  ...readOptions<RetryOptions>(name, value, RETRY),
});

/**
 * Runs `action` until it succeeds, fails otherwise than by `source-failed`, or was tried often enough.
 *
 * @param action gets a signal that is aborted with the caller's and at the time limit, and is not waited for any longer then.
 * @throws what `action` throws; BlindreelError `source-failed` at the time limit; `signal.reason`.
 */
export async function retrying<T>(
  { attempts, timeout, backoff }: Required<RetryOptions>,
  { signal }: ReadOptions,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await timed(timeout, signal, action);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isBlindreelError(error) || error.code !== "source-failed" || attempt >= attempts) throw error;
    }
    await sleep(Math.min(backoff * 2 ** (attempt - 1), LONGEST_TIMER), signal);
  }
}

/** One try: whatever `action` does with its signal, this settles when that is aborted. */
export async function timed<T>(
  timeout: number,
  signal: AbortSignal | undefined,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    stop.signal.addEventListener("abort", () => reject(stop.signal.reason), { once: true });
  });
  const forget = onAbort(signal, (reason) => stop.abort(reason));
  const silent = sourceFailed(`the store did not answer within ${timeout} ms`);
  const timer = setTimeout(() => stop.abort(silent), timeout);
  try {
    return await Promise.race([action(stop.signal), aborted]);
  } finally {
    clearTimeout(timer);
    forget();
  }
}

async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((wake) => {
    const forget = onAbort(signal, () => {
      clearTimeout(timer);
      wake();
    });
    const timer = setTimeout(() => {
      forget();
      wake();
    }, milliseconds);
  });
}

/** @param signal not aborted yet. @returns what takes `listener` away again: a signal may outlive a thousand questions. */
function onAbort(signal: AbortSignal | undefined, listener: (reason: unknown) => void): () => void {
  const listen = (): void => listener(signal!.reason);
  signal?.addEventListener("abort", listen);
  return () => signal?.removeEventListener("abort", listen);
}
