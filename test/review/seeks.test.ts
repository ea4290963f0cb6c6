import { expect, it } from "vitest";
import { SEED } from "../helpers/bytes.js";
import { seekThrough } from "../runtimes/suite/seeks.js";

/** A thousand, or as many as `BLINDREEL_SEEKS` says: `npm run seeks`. `BLINDREEL_SEED=17` begins with that seed. */
const COUNT = Number(process.env.BLINDREEL_SEEKS ?? 1000);

it(
  `${COUNT} seeks in faulty recordings from seed ${SEED} on: no wrong byte, no failure without a code`,
  async () => {
    const { seeks, bytes, refused } = await seekThrough(SEED, COUNT);
    console.log(`${seeks} seeks from seed ${SEED} on: ${bytes} bytes, refused ${JSON.stringify(refused)}`);
    expect(bytes).toBeGreaterThan(COUNT * 10_000);
    expect(Object.keys(refused)).toEqual(expect.arrayContaining(["authentication-failed", "truncated"]));
  },
  Math.max(60_000, COUNT * 100),
);
