/** Objects under way at the same time, and bytes of them together. */
const LANES = 8;
/** Pages and manifests under way at the same time: HTTP/2 brings them with one round trip, which should have 100 streams or more (RFC 9113 §6.5.2). */
export const SMALL_LANES = 100;
const BUDGET = 32 * 2 ** 20;

/**
 * Runs `step` for every item, so many at a time and in order of the items, within 32 MiB; a single item may be larger. After a failure
 * none is begun, and it is thrown once all have stopped.
 *
 * @param weigh in bytes. @param lanes 8 unless given.
 */
export async function eachInFlight<T>(
  items: Iterable<T>,
  step: (item: T) => Promise<unknown>,
  weigh: (item: T) => number = () => 0,
  lanes = LANES,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let weight = 0;
  try {
    for (const item of items) {
      const own = weigh(item);
      while (running.size > 0 && (running.size >= lanes || weight + own > BUDGET))
        await Promise.race(running);
      weight += own;
      // A failed one stays: the next wait throws its failure.
      const task = step(item).then(() => {
        weight -= own;
        running.delete(task);
      });
      running.add(task);
    }
    await Promise.all(running);
  } finally {
    await Promise.allSettled(running);
  }
}

/** Without a listing, the search ends behind so many absent names in a row: uploads overtake each other. */
export const MISSES = 8;

/**
 * Looks for the numbers from `start` on, {@link MISSES} at a time, until as many in a row are absent.
 *
 * @param look returns whether the object exists. @returns false where `end` came first.
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
    await eachInFlight(numbers, async (number) => {
      found[number - from] = await look(number);
    });
    for (const exists of found) {
      misses = exists ? 0 : misses + 1;
      if (misses === MISSES) return true;
    }
  }
  return false;
}
