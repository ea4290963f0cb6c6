import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type DataServer, startDataServer } from "../hosts/server.js";
import { engines } from "./engines.js";
import type { Hold } from "./main-thread.js";
import { type Site, serveSite } from "./site.js";

/**
 * How long a page's event loop is held while the SDK works on its main thread: the figures are printed, medians of
 * several runs. On a busy machine every figure is longer, so an operation may also hold a fraction of the time that it
 * takes; one that does not yield holds all of it. An array that is sealed is copied at the call, and held no longer than the
 * platform's own copy holds.
 */

/** Milliseconds. */
const LONGEST_HOLD = 50;
const LARGEST_FRACTION = 1 / 3;
/** Of the platform's own copy. */
const COPIES = 1.5;
/** As in main-thread.ts, which is a page's. */
const COPY = "copying an array of 64 MiB";
const SEALED_COPY = "sealing an array of 64 MiB";

vi.setConfig({ testTimeout: 180_000 });

let data: DataServer;
let site: Site;
beforeAll(async () => {
  data = await startDataServer();
  site = await serveSite();
});
afterAll(async () => {
  await site?.close();
  await data?.close();
});

function medianOf(runs: readonly Hold[]): Hold {
  return [...runs].sort((a, b) => a.longest - b.longest)[runs.length >> 1]!;
}

describe.each(["chromium", "firefox"] as const)("the main thread in %s", (name) => {
  const start = engines[name];
  if (!start && process.env.CI) throw new Error(`${name} is missing: npm run setup`);

  test.skipIf(!start)("is not held for long by sealing, opening and wrapping", async () => {
    const engine = await start!();
    try {
      const task = { name, origin: data.origin, where: "page", round: "context" } as const;
      await engine.open(site.address("main-thread.html", task));
      const holds = await data.report<Record<string, readonly Hold[]>>(`${name}, main thread`);
      const medians = Object.entries(holds).map(([work, runs]) => [work, medianOf(runs)] as const);
      for (const [work, { longest, took }] of medians) {
        console.log(`${name}, ${work}: held ${longest.toFixed(1)} of ${took.toFixed(0)} ms`);
      }
      expect(medians.length).toBe(9);
      const copy = COPIES * medians.find(([work]) => work === COPY)![1].longest;
      for (const [work, { longest, took }] of medians) {
        if (work === COPY) continue;
        const limit = Math.max(LONGEST_HOLD, took * LARGEST_FRACTION);
        expect(longest, work).toBeLessThan(work === SEALED_COPY ? Math.max(limit, copy) : limit);
      }
    } finally {
      await engine.close();
    }
  });
});
