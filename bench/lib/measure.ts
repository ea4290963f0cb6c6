/**
 * Interleaved rounds: every contender runs once a round, in a new order each time, so that a machine that slows
 * down for a while slows all of them. No benchmark library offers that; ratios need it more than statistics.
 *
 * The collector is left alone: a forced full collection before each run also drops compiled code, which costs the
 * longer of two paths more and hid up to a fifth of its throughput.
 */

export interface Contender {
  readonly name: string;
  /** Does the work once; the units done in one run are `amount`. */
  readonly run: () => Promise<void> | void;
}

export interface Result {
  readonly name: string;
  /** Median time of one run, in milliseconds. */
  readonly median: number;
  readonly times: readonly number[];
}

export async function measure(contenders: readonly Contender[], rounds = 7): Promise<Result[]> {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (const { run } of contenders) await run();
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const { name, run } = contenders[(i + round) % contenders.length]!;
      const start = performance.now();
      await run();
      times.get(name)!.push(performance.now() - start);
    }
  }
  return contenders.map(({ name }) => {
    const sorted = times.get(name)!.sort((left, right) => left - right);
    return { name, median: sorted[Math.floor(sorted.length / 2)]!, times: sorted };
  });
}
