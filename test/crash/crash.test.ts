import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateIdentity } from "../../src/keywrap/import.js";
import { generator, SEED } from "../helpers/bytes.js";
import { type CrashBench, makeBench, readLog, removeBench, runChild } from "./bench.js";
import { checkCase } from "./check.js";
import type { Death } from "./seams.js";

/** How often processes are killed; `npm run crash` does it a thousand times. */
const KILLS = Number(process.env.BLINDREEL_KILLS ?? (process.env.BLINDREEL_CRASH === "all" ? 1000 : 50));
/** Nothing more is tried after so many cases that are wrong. */
const MOST_FAULTS = 3;
/** Cases at the same time. */
const LANES = 3;

describe(`B2 killed ${KILLS} times, around calls of journal, upload and cryptography and whenever, and resumed`, () => {
  let bench: CrashBench;
  beforeAll(async () => {
    bench = await makeBench(await generateIdentity());
  });
  afterAll(() => removeBench(bench));

  /** Most runs make more calls than that, and take as many milliseconds: so most deaths come before their end, some in it. */
  const USUAL = { calls: 600, duration: 220 };

  function drawDeath(random: () => number): Death {
    if (random() < 0.5) return { delay: random() * USUAL.duration, when: "later" };
    const call = 1 + Math.floor(random() * USUAL.calls);
    return { call, when: random() < 0.5 ? "before" : "after" };
  }

  /** A recording that is killed up to five times and then ends, checked after every process. */
  async function runCase(seed: number, count: (what: string) => void): Promise<void> {
    const random = generator(seed);
    const folder = join(bench.folder, `case-${seed}`);
    mkdirSync(folder);
    // One in twelve lives: its verdict must be better.
    const deaths = random() < 1 / 12 ? 0 : 1 + Math.floor(random() ** 1.5 * 5);
    let killed = 0;
    for (let run = 0; ; run++) {
      const isLast = run >= deaths;
      const death = isLast ? undefined : drawDeath(random);
      const log = readLog(folder);
      const isBegun = log("started").length > 0 || log("resumed").length > 0;
      const about = `case ${seed}, run ${run}, ${JSON.stringify(death)} (BLINDREEL_CASE=${seed})`;
      const fail = (error: Error): never => {
        throw new Error(`${about}: ${error.message}`, { cause: error });
      };
      const outcome = await runChild(bench, { folder, seed, run, isLast, isBegun, death }).catch(fail);
      if (outcome.isKilled) {
        killed++;
        count("killed");
        count(`killed ${death!.when}`);
      }
      const isOver = readLog(folder)("ended").length > 0 && isErased(folder);
      const state = await checkCase(bench, folder, { isOver, killed }).catch(fail);
      if (!isOver) count(`left as: ${state}`);
      if (isOver || isLast) {
        count(`killed ${killed} times, then ${state}`);
        break;
      }
    }
    rmSync(folder, { recursive: true });
  }

  const isErased = (folder: string): boolean => {
    const journals = join(folder, "journal");
    return !existsSync(journals) || readdirSync(journals).length === 0;
  };

  it("no index, sequence or pair of key and nonce is used twice, no name has two contents, nothing that was acknowledged or flushed is lost, and the verdict says no more than is true", async () => {
    const counts = new Map<string, number>();
    const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
    let seed = SEED;
    const only = process.env.BLINDREEL_CASE;
    const startedAt = performance.now();
    const faults: Error[] = [];
    const lane = async (): Promise<void> => {
      while ((counts.get("killed") ?? 0) < KILLS && faults.length < MOST_FAULTS)
        await runCase(seed++, count).catch((error) => void faults.push(error));
    };
    if (only) await runCase(Number(only), count);
    else await Promise.all(Array.from({ length: LANES }, lane));
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    console.log(
      `${seed - SEED} cases in ${seconds} s (BLINDREEL_SEED=${SEED}):`,
      Object.fromEntries([...counts].sort()),
    );
    if (faults.length > 0)
      throw new Error(faults.map(({ message }) => message).join("\n\n"), { cause: faults[0] });
    if (!only) expect(counts.get("killed")).toBeGreaterThanOrEqual(KILLS);
  }, 3_600_000);
});
