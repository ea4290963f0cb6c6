import { Table } from "console-table-printer";
import { isMet, type Row } from "./row.js";

export interface Cells {
  readonly what: string;
  readonly median: string;
  readonly ratio: string;
  readonly target: string;
  readonly met: string;
}

/** A row as people read it; the same in the terminal and in the documentation. */
export function cellsOf(row: Row): Cells {
  const met = isMet(row);
  return {
    what: row.what,
    median: `${format(row.value)} ${row.unit}`,
    ratio: row.ratio === undefined ? "" : row.ratio.toFixed(2),
    target: targetOf(row),
    met: met === undefined ? "" : met ? "yes" : "NO",
  };
}

function targetOf({ target, unit }: Row): string {
  if (!target) return "";
  const [sign, limit] = target.atLeast !== undefined ? ["≥", target.atLeast] : ["≤", target.atMost];
  return target.of === "ratio" ? `${sign} ${limit} ×` : `${sign} ${limit} ${unit}`;
}

function format(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(3).replace(/0$/, "");
}

export function printTable(title: string, rows: readonly Row[]): void {
  const table = new Table({ title });
  for (const row of rows) table.addRow(cellsOf(row), { color: isMet(row) === false ? "red" : "" });
  table.printTable();
}
