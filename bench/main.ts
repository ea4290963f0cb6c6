/** `npm run bench`: medians and ratios within one run, as a table and as JSON in bench/results. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { Table } from "console-table-printer";
import type { Row } from "./lib/report.js";
import { memory } from "./memory.js";
import { range } from "./range.js";
import { throughput } from "./throughput.js";
import { wrap } from "./wrap.js";

const MIB = 2 ** 20;
const ROUNDS = 9;

const rows: Row[] = [
  ...(await wrap(ROUNDS)),
  ...(await throughput(256 * MIB, 64 * 1024, ROUNDS)),
  ...(await throughput(64 * MIB, 4 * 1024, ROUNDS)),
  ...(await memory()),
  ...(await range()),
];

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
