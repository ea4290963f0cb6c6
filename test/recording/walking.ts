import { expect } from "vitest";
import { WalkFault, walk } from "./walks.js";

/**
 * Random walks through all that a recording can be asked for, half of them in each of two files, which run side by side. The seed
 * is in the test's name. `BLINDREEL_SEED=17` walks only that one, `BLINDREEL_WALKS=100000` more; `npm run walks` a million.
 */
const { BLINDREEL_SEED: seed, BLINDREEL_WALKS: walks = "10000", BLINDREEL_FIRST: from } = process.env;

export const COUNT = seed ? 1 : Math.ceil(Number(walks) / 2);
const MAX_FAULTS = 10;

/** @param half 0 or 1: which half this is. */
export function firstOf(half: number): number {
  const first = seed ?? from;
  return first === undefined
    ? ((Date.now() >>> 4) % 2 ** 29) + half * 2 ** 29
    : Number(first) + (seed ? 0 : half * COUNT);
}

export async function walkFrom(first: number): Promise<void> {
  const faults: string[] = [];
  const start = process.hrtime.bigint();
  for (let next = first; next < first + COUNT && faults.length < MAX_FAULTS; next++) {
    await walk(next).catch((error) => {
      if (!(error instanceof WalkFault)) throw error;
      faults.push(error.message);
    });
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  console.log(`${COUNT} walks from seed ${first} on took ${seconds.toFixed(1)} s`);
  expect(faults.join("\n\n")).toBe("");
}

/** Milliseconds that they may take. */
export const TIMEOUT = Math.max(600_000, COUNT * 100);
