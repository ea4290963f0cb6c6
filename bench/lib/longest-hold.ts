/**
 * The longest time in milliseconds that nothing else could run while `work` did: gaps between turns of the event
 * loop that come as soon as it is free.
 */
export async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let isDone = false;
  let last = performance.now();
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isDone) setImmediate(look);
  };
  setImmediate(look);
  await work();
  isDone = true;
  return Math.max(longest, performance.now() - last);
}
