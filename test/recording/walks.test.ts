import { expect, it } from "vitest";
import { WalkFault, walk } from "./walks.js";

/**
 * Random walks through all that a recording can be asked for. The seed is in the test's name. `BLINDREEL_SEED=17` walks only that one,
 * `BLINDREEL_WALKS=100000` more; `npm run walks` a million.
 */
const { BLINDREEL_SEED: seed, BLINDREEL_WALKS: walks = "1500", BLINDREEL_FIRST: from } = process.env;

const COUNT = seed ? 1 : Number(walks);
const FIRST = Number(seed ?? from ?? (Date.now() >>> 4) % 2 ** 30);
const MAX_FAULTS = 10;
/** Milliseconds that they may take. */
const TIMEOUT = Math.max(600_000, COUNT * 100);

it(
  `walks ${COUNT} times from seed ${FIRST} on`,
  async () => {
    const faults: string[] = [];
    for (let next = FIRST; next < FIRST + COUNT && faults.length < MAX_FAULTS; next++) {
      await walk(next).catch((error) => {
        if (!(error instanceof WalkFault)) throw error;
        faults.push(error.message);
      });
    }
    expect(faults.join("\n\n")).toBe("");
  },
  TIMEOUT,
);
