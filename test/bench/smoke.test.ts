/** The benchmarks do not rot: every group runs, with tiny sizes, and has its place in the documentation. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { GROUPS } from "../../bench/groups.js";
import { drawChart } from "../../bench/lib/chart.js";
import { markersOf } from "../../bench/lib/publish.js";
import { isMet } from "../../bench/lib/row.js";
import { cellsOf } from "../../bench/lib/table.js";
import { runGroup } from "../../bench/run.js";

const page = readFileSync(fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url)), "utf8");

describe.each(Object.keys(GROUPS))("%s", (name) => {
  test("has its place in docs/benchmarks.md", () => {
    const { start, end } = markersOf(name);
    expect(page.split(start)).toHaveLength(2);
    expect(page.indexOf(end)).toBeGreaterThan(page.indexOf(start));
  });

  test("runs", async () => {
    const { group, rows, runtime } = await runGroup(name, "smoke");
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

test("a group that fails fails its run", async () => {
  await expect(runGroup("no-such-group", "smoke")).rejects.toThrow(RangeError);
});
