/**
 * `npm run bench [-- GROUP …]`: medians and ratios within one run, as a table and as JSON in bench/results.
 */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Table } from "console-table-printer";
import type { Row } from "./lib/report.js";
import { throughputGroups } from "./throughput.js";

const ROUNDS = 9;
const GROUPS = ["wrap", ...Object.keys(throughputGroups), "memory", "range"];
const GROUP = fileURLToPath(new URL("./group.ts", import.meta.url));
const run = promisify(execFile);

/** Each in a process of its own: no group runs on another's compiled code, heap or leftovers. */
const rows: Row[] = [];
for (const name of process.argv.length > 2 ? process.argv.slice(2) : GROUPS) {
  console.error(`measuring ${name} …`);
  const { stdout } = await run(process.execPath, ["--import", "tsx", GROUP, name, String(ROUNDS)]);
  rows.push(...(JSON.parse(stdout) as Row[]));
}

const machine = {
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  node: process.version,
  date: new Date().toISOString(),
};
const table = new Table({ title: `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}` });
for (const { what, value, ratio, target, met } of rows) {
  table.addRow(
    {
      what,
      median: value,
      ratio: ratio?.toFixed(2) ?? "",
      target: target ?? "",
      met: met === undefined ? "" : met ? "yes" : "NO",
    },
    { color: met === false ? "red" : "" },
  );
}
table.printTable();

const folder = fileURLToPath(new URL("./results/", import.meta.url));
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}node.json`, `${JSON.stringify({ machine, rows }, null, 2)}\n`);
