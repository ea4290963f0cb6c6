/** The benchmarks do not rot: every group runs, with tiny sizes, and has its place in the documentation. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { GROUPS } from "../../bench/groups.js";
import { drawChart } from "../../bench/lib/chart.js";
import { markersOf } from "../../bench/lib/publish.js";
import { isMet } from "../../bench/lib/row.js";
import { cellsOf } from "../../bench/lib/table.js";
import { type GroupResult, runGroup, runGroups } from "../../bench/run.js";

const page = readFileSync(fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url)), "utf8");
const names = Object.keys(GROUPS);
const TIMEOUT = 300_000;
let results: Map<string, GroupResult | Error>;

/** At the same time: no figure counts here, and groups wait for browsers. */
const SHARES = 3;

beforeAll(async () => {
  const shares = Array.from({ length: SHARES }, (_, share) =>
    runGroups(
      names.filter((_, i) => i % SHARES === share),
      "smoke",
    ),
  );
  results = new Map((await Promise.all(shares)).flatMap((share) => [...share]));
}, TIMEOUT);

describe.each(names)("%s", (name) => {
  test("has its place in docs/benchmarks.md", () => {
    const { start, end } = markersOf(name);
    expect(page.split(start)).toHaveLength(2);
    expect(page.indexOf(end)).toBeGreaterThan(page.indexOf(start));
  });

  test("runs, and its rows can be shown", () => {
    const result = results.get(name);
    if (result === undefined || result instanceof Error) throw result ?? new Error("no result");
    const { group, rows, runtime } = result;
    expect(runtime).toMatch(/\d/);
    for (const row of rows) {
      expect(Number.isFinite(row.value), row.what).toBe(true);
      if (row.unit === "MB/s") expect(row.value, row.what).toBeGreaterThan(0);
      expect([true, false, undefined], row.what).toContain(isMet(row));
      expect(cellsOf(row).median, row.what).toContain(row.unit);
    }
    expect(new Set(rows.map(({ what }) => what)).size).toBe(rows.length);
    const points = rows.filter(({ point }) => point);
    expect(points.length > 0).toBe(group.chart !== undefined);
    if (group.chart) expect(drawChart(rows, group.chart)).toMatch(/^<svg[\s\S]*<\/svg>\n$/);
  });
});

describe("running groups", () => {
  test("refuses a name that is no group's", async () => {
    await expect(runGroup("no-such-group", "smoke")).rejects.toThrow(RangeError);
  });
});
