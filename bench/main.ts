/**
 * `npm run bench [-- GROUP …] [-- --quick]`: medians and ratios within one run, as tables, as JSON, and as charts. A
 * full run also says what is worse than the last published run, and rewrites what docs/benchmarks.md shows of the groups it measured.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { GROUPS } from "./groups.js";
import { drawChart } from "./lib/chart.js";
import { regressions } from "./lib/compare.js";
import { describeMachine } from "./lib/machine.js";
import { publish, publishedSection, sectionName } from "./lib/publish.js";
import { printTable } from "./lib/table.js";
import { runGroup } from "./run.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false } },
});
const scale = values.quick ? "quick" : "full";
const machine = describeMachine();
const folder = fileURLToPath(new URL("./results/", import.meta.url));
mkdirSync(folder, { recursive: true });

const failed: string[] = [];
const slower: string[] = [];
for (const name of positionals.length > 0 ? positionals : Object.keys(GROUPS)) {
  console.error(`measuring ${name} …`);
  try {
    const { group, rows, runtime } = await runGroup(name, scale);
    printTable(`${name}: ${group.title}, ${runtime}`, rows);
    const section = sectionName(name, machine);
    const record = { name: section, title: group.title, scale, machine, runtime, rows };
    writeFileSync(`${folder}${section}.json`, `${JSON.stringify(record, null, 2)}\n`);
    const chart = group.chart && drawChart(rows, group.chart);
    if (chart) writeFileSync(`${folder}${section}.svg`, chart);
    if (scale === "quick") continue;
    for (const { what, before, now, worse } of regressions(publishedSection(section), rows))
      slower.push(`${section}: ${what}: ${now}, published ${before} (${Math.round(100 * worse)} % worse)`);
    publish({ name: section, group, machine, runtime, rows, chart });
  } catch (error) {
    console.error(error);
    failed.push(name);
  }
}
if (slower.length > 0) console.error(`Worse than published by over 10 %:\n${slower.join("\n")}`);
if (failed.length > 0) {
  console.error(`failed: ${failed.join(", ")}`);
  process.exitCode = 1;
}
