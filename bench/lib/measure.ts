/**
 * Interleaved rounds: every contender runs once a round, in a new order each time, so that a machine that slows
 * down for a while slows all of them. No benchmark library offers that; ratios need it more than statistics.
 *
 * The collector is left alone: a forced full collection before each run also drops compiled code, which costs the
 * longer of two paths more and hid up to a fifth of its throughput.
 */

export interface Contender {
  readonly name: string;
  /** Does the work once. */
  readonly run: () => Promise<unknown> | unknown;
  /** Takes away what was made, outside what is timed. */
  readonly tidy?: () => void;
}

export interface Result {
  readonly name: string;
  /** Median time of one `run`, in milliseconds. */
  readonly median: number;
  readonly times: readonly number[];
}

export interface MeasureOptions {
  readonly rounds: number;
  /** Shortest sample in milliseconds: a faster `run` is repeated, and its time is the sample's divided. */
  readonly sample: number;
}

export async function measure(
  contenders: readonly Contender[],
  { rounds, sample }: MeasureOptions,
): Promise<Result[]> {
  const entries = [];
  for (const contender of contenders) {
    entries.push({ ...contender, repeats: await repeatsFor(contender, sample), times: [] as number[] });
  }
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < entries.length; i++) {
      const { run, tidy, repeats, times } = entries[(i + round) % entries.length]!;
      const start = performance.now();
      for (let repeat = 0; repeat < repeats; repeat++) await run();
      times.push((performance.now() - start) / repeats);
      tidy?.();
    }
  }
  return entries.map(({ name, times }) => {
    const sorted = times.sort((left, right) => left - right);
    return { name, median: sorted[Math.floor(sorted.length / 2)]!, times: sorted };
  });
}

/** Warms up, and finds how often `run` fits into a sample. */
async function repeatsFor({ run, tidy }: Contender, sample: number): Promise<number> {
  let elapsed = 0;
  for (let warmUps = 0; warmUps < 2; warmUps++) {
    const start = performance.now();
    await run();
    elapsed = performance.now() - start;
    tidy?.();
    if (elapsed >= sample) break;
  }
  return Math.max(1, Math.ceil(sample / Math.max(elapsed, 0.01)));
}

/** By name, since ratios are between named contenders. */
export function resultOf(results: readonly Result[], name: string): Result {
  const found = results.find((result) => result.name === name);
  if (!found) throw new Error(`no contender is called ${name}`);
  return found;
}
