import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Group } from "./group.js";
import type { Machine } from "./machine.js";
import type { Row } from "./row.js";
import { type Cells, cellsOf } from "./table.js";

const DOCS = fileURLToPath(new URL("../../docs/", import.meta.url));
const PAGE = `${DOCS}benchmarks.md`;

export interface Publication {
  readonly name: string;
  readonly group: Group;
  readonly machine: Machine;
  readonly runtime: string;
  readonly rows: readonly Row[];
  readonly chart: string | undefined;
}

/** The comments in docs/benchmarks.md between which a group's figures stand. */
export function markersOf(name: string): { readonly start: string; readonly end: string } {
  return { start: `<!-- bench: ${name} -->`, end: `<!-- end of ${name} -->` };
}

/** Figures of a machine with huge pages stand beside the others where the page has a place for both. */
export function sectionName(name: string, { hugePages }: Machine): string {
  const other = `${name}-huge-pages`;
  return hugePages && readFileSync(PAGE, "utf8").includes(markersOf(other).start) ? other : name;
}

/** @returns what the page shows of a group. @throws Error where it has no place for it. */
export function publishedSection(name: string): string {
  const page = readFileSync(PAGE, "utf8");
  const { from, to } = placeIn(page, name);
  return page.slice(from, to);
}

function placeIn(page: string, name: string): { readonly from: number; readonly to: number } {
  const { start, end } = markersOf(name);
  const from = page.indexOf(start);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no "${start}" … "${end}"`);
  return { from, to };
}

/**
 * Replaces what the page shows of a group: its table, its chart, and the machine they are from.
 *
 * @throws Error where the page has no place for the group.
 */
export function publish(publication: Publication): void {
  const { name, chart } = publication;
  const page = readFileSync(PAGE, "utf8");
  const { from, to } = placeIn(page, name);
  const { start } = markersOf(name);
  if (chart) {
    if (!existsSync(`${DOCS}charts`)) mkdirSync(`${DOCS}charts`);
    writeFileSync(`${DOCS}charts/${name}.svg`, chart);
  }
  writeFileSync(PAGE, `${page.slice(0, from)}${start}\n\n${sectionOf(publication)}\n${page.slice(to)}`);
}

const COLUMNS: readonly (keyof Cells)[] = ["what", "median", "ratio", "target", "met"];

/** Columns that a group does not use are left out. */
function sectionOf({ name, group, machine, runtime, rows, chart }: Publication): string {
  const lines = rows.map(cellsOf);
  const columns = COLUMNS.filter((column) => lines.some((cells) => cells[column] !== ""));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const { processor, cores, hugePages, date } = machine;
  return [
    group.about,
    "",
    line(columns),
    line(columns.map(() => "---")),
    ...lines.map((cells) => line(columns.map((column) => cells[column]))),
    "",
    ...(chart ? [`![${group.title}](charts/${name}.svg)`, ""] : []),
    `${runtime}, ${processor}, ${cores} cores${hugePages ? ", huge pages" : ""}, ${date}.`,
    "",
  ].join("\n");
}
