import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type DataServer, startDataServer } from "../hosts/server.js";
import { engines } from "./engines.js";
import { type Site, serveSite } from "./site.js";

/**
 * How long a page's event loop is held while the SDK works on its main thread. The median of several runs counts, less
 * what the machine takes while nothing runs; the figures are printed.
 */

const LONGEST_HOLD = 50;
const IDLE = "nothing, for a second";

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

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

describe.each(["chromium", "firefox"] as const)("the main thread in %s", (name) => {
  const start = engines[name];
  if (!start && process.env.CI) throw new Error(`${name} is missing: npm run setup`);

  test.skipIf(!start)(`is never held over ${LONGEST_HOLD} ms`, async () => {
    const engine = await start!();
    try {
      const task = { name, origin: data.origin, where: "page", round: "context" } as const;
      await engine.open(site.address("main-thread.html", task));
      const gaps = await data.report<Record<string, readonly number[]>>(`${name}, main thread`);
      const medians = Object.entries(gaps).map(([work, runs]) => [work, median(runs)] as const);
      for (const [work, held] of medians) console.log(`${name}, ${work}: longest hold ${held.toFixed(1)} ms`);
      const idle = Object.fromEntries(medians)[IDLE]!;
      for (const [work, held] of medians) expect(held - idle, work).toBeLessThan(LONGEST_HOLD);
      expect(medians.length).toBe(4);
    } finally {
      await engine.close();
    }
  });
});
