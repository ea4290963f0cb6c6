/**
 * Runs `step` for every item, `limit` at a time and in order of the items, as long as what they weigh together stays within
 * `budget`; one item may weigh more. After a failure none is begun, and it counts once all have stopped.
 */
export async function eachInFlight<T>(
  items: Iterable<T>,
  limit: number,
  step: (item: T) => Promise<void>,
  { weigh = () => 0, budget = 0 }: { readonly weigh?: (item: T) => number; readonly budget?: number } = {},
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let hasFailed = false;
  let failure: unknown;
  let weight = 0;
  let running = 0;
  let wake = (): void => {};
  for (let next = iterator.next(); !next.done && !hasFailed; next = iterator.next()) {
    const { value } = next;
    const own = weigh(value);
    while (running > 0 && (running >= limit || weight + own > budget))
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    if (hasFailed) break;
    weight += own;
    running++;
    step(value)
      .catch((error) => {
        failure = hasFailed ? failure : error;
        hasFailed = true;
      })
      .finally(() => {
        weight -= own;
        running--;
        wake();
      });
  }
  while (running > 0)
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  if (hasFailed) throw failure;
}

/** Where nothing is listed: how many names in a row have to be missing before the next is not tried. Uploads overtake each other. */
export const MISSES = 8;

/**
 * Tries the numbers from `start` on, {@link MISSES} at a time, until as many in a row are missing.
 *
 * @param look says whether there is one. @returns false where `end` came first.
 */
export async function eachProbed(
  start: number,
  end: number,
  look: (number: number) => Promise<boolean>,
): Promise<boolean> {
  let misses = 0;
  for (let from = start; from < end; from += MISSES) {
    const found: boolean[] = [];
    const numbers = Array.from({ length: Math.min(MISSES, end - from) }, (_, i) => from + i);
    await eachInFlight(numbers, MISSES, async (number) => {
      found[number - from] = await look(number);
    });
    for (const isThere of found) {
      misses = isThere ? 0 : misses + 1;
      if (misses === MISSES) return true;
    }
  }
  return false;
}
