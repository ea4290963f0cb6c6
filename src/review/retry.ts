import { isBlindreelError, outOfRange } from "../errors.js";
import { type Check, type Checks, readOptions, withDefaults } from "../formats/options.js";
import { type ReadOptions, sourceFailed } from "../source/byte-source.js";

/** Attempts and time limits of a request to a store. Only a request without an answer is repeated. */
export interface RetryOptions {
  /** Tries in all; 4 unless stated. */
  readonly attempts?: number;
  /** Milliseconds of one try; 30,000 unless stated. A longer silence is a failure. */
  readonly timeout?: number;
  /** Milliseconds before the second try, twice as many before each further one; 250 unless stated. */
  readonly backoff?: number;
}

/** A longer timer would fire at once. */
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
export const retryArgument: Check<Required<RetryOptions>> = (name, value) =>
  withDefaults(readOptions<RetryOptions>(name, value, RETRY), {
    attempts: 4,
    timeout: 30_000,
    backoff: 250,
  });

/**
 * Runs `action` until it succeeds, fails otherwise than by `source-failed`, or was tried often enough.
 *
 * @param action gets a signal that is aborted with the caller's and at the time limit, which end the wait for it.
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

/** One try. It settles at the time limit and with `signal`, whatever `action` does with its own. */
export async function timed<T>(
  timeout: number,
  signal: AbortSignal | undefined,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  const onSilence = (): void => stop.abort(sourceFailed(`the store did not answer within ${timeout} ms`));
  const timer = setTimeout(onSilence, timeout);
  try {
    return await untilAborted(stop.signal, () => action(stop.signal));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** The result of `action`, or `signal.reason` as soon as that is aborted. */
export async function untilAborted<T>(signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
  if (!signal) return action();
  let onAbort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([action(), aborted]);
  } finally {
    // A signal may outlive a thousand requests.
    signal.removeEventListener("abort", onAbort);
  }
}

/** Ends with `signal`, or without a result at the time limit. */
async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await timed(milliseconds, signal, () => new Promise<never>(() => {})).catch(() => {});
}
