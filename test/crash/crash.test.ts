import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateIdentity } from "../../src/keywrap/import.js";
import { generator, SEED } from "../helpers/bytes.js";
import { type CrashBench, checkCase, makeBench, removeBench, runToTheEnd } from "./crash.js";
import type { Death } from "./seams.js";

/** How many calls to die around; all of them by `npm run crash`. */
const SAMPLES = process.env.BLINDREEL_CRASH === "all" ? Number.POSITIVE_INFINITY : 24;

describe("B2 killed before and after calls of journal, upload and cryptography, then resumed", () => {
  let bench: CrashBench;
  let calls = 0;
  beforeAll(async () => {
    bench = await makeBench(await generateIdentity());
    const { calls: made, folder } = await runToTheEnd(bench, []);
    calls = made;
    expect(await checkCase(bench, folder)).toBe("complete, 1+1 takes");
  });
  afterAll(() => removeBench(bench));

  /** Every death around calls `1…last`, or a sample spread over all of them. */
  function deaths(last: number): Death[] {
    const all = Array.from({ length: last }, (_, i) => i + 1).flatMap((call): Death[] => [
      { call, when: "before" },
      { call, when: "after" },
    ]);
    if (all.length <= SAMPLES) return all;
    const random = generator(SEED);
    return Array.from(
      { length: SAMPLES },
      (_, i) => all[Math.floor(((i + random()) / SAMPLES) * all.length)]!,
    );
  }

  async function sweep(cases: readonly (readonly Death[])[]): Promise<Map<string, number>> {
    const outcomes = new Map<string, number>();
    const left = [...cases];
    const work = async (): Promise<void> => {
      for (let next = left.pop(); next; next = left.pop()) {
        const { killed, folder } = await runToTheEnd(bench, next);
        const outcome = await checkCase(bench, folder).catch((error) => {
          throw new Error(`${JSON.stringify(next)} (BLINDREEL_SEED=${SEED}): ${error.message}`, {
            cause: error,
          });
        });
        const name = `killed ${killed}×: ${outcome}`;
        outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
        if (left.length % 50 === 0) console.log(`${left.length} cases left`);
      }
    };
    await Promise.all([work(), work()]);
    return outcomes;
  }

  it("no index and no pair of key and nonce is used twice, and all that was acknowledged opens", async () => {
    // A run makes a few calls more or less than another: some of the last points may lie behind its end.
    const cases = deaths(calls).map((death) => [death]);
    const outcomes = await sweep(cases);
    console.log(
      `killed at ${cases.length} of ${2 * calls} points (seed ${SEED}):`,
      Object.fromEntries(outcomes),
    );
    const killed = [...outcomes]
      .filter(([name]) => name.startsWith("killed 1"))
      .reduce((sum, [, n]) => sum + n, 0);
    expect(killed).toBeGreaterThan(cases.length * 0.9);
  }, 3_600_000);

  it("nor where the resumed recording is killed as well", async () => {
    const first: Death = { call: Math.floor(calls / 2), when: "after" };
    const cases = deaths(calls)
      .filter((_, i) => SAMPLES === Number.POSITIVE_INFINITY || i % 4 === 0)
      .map((death) => [first, death]);
    const outcomes = await sweep(cases);
    console.log(`killed twice, at ${cases.length} points:`, Object.fromEntries(outcomes));
  }, 3_600_000);
});
