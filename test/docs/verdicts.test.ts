/** docs/reviewing.md explains everything that a verdict can say. */
import { expect, test } from "vitest";
import { readPage } from "./extract.js";

const source = readPage("src/review/verdict.ts");

/** The names of a union, or of a member's. */
function names(start: string): string[] {
  const at = source.indexOf(start);
  expect(at, start).toBeGreaterThan(0);
  return [...source.slice(at, source.indexOf(";", at)).matchAll(/"([a-z-]+)"/g)].map(([, name]) => name!);
}

/** The rows of the table under `header`: names in the first cell, and all cells. */
function rows(header: string): { readonly keys: readonly string[]; readonly cells: readonly string[] }[] {
  const lines = readPage("docs/reviewing.md").split("\n");
  const at = lines.indexOf(header);
  expect(at, header).toBeGreaterThan(0);
  const table = lines.slice(at + 2);
  return table.slice(0, table.indexOf("")).map((line) => {
    const cells = line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, ""));
    return { cells, keys: [...cells[0]!.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name!) };
  });
}

const keysOf = (header: string): string[] =>
  rows(header)
    .flatMap(({ keys }) => keys)
    .sort();

test("every state", () => {
  const header = "| `state` | what it means | what may be said to a student | what may not |";
  expect(keysOf(header)).toEqual(names("export type RecordingState").sort());
});

test("every cause of a gap", () => {
  const states = names("export type SegmentState").filter((state) => state !== "authentic");
  const others = names("export type GapCause").filter((cause) => cause !== "authentic");
  expect(keysOf("| a gap's `cause` | meaning |")).toEqual([...states, ...others].sort());
});

test("every loss, with its causes", () => {
  const table = rows("| a loss's `what` | meaning | its `cause` |");
  expect(table.flatMap(({ keys }) => keys).sort()).toEqual(names("readonly what:").sort());
  const causes = table.flatMap(({ cells }) =>
    [...cells[2]!.matchAll(/`([a-z]+)`/g)].map(([, name]) => name!),
  );
  const all = new Set(names('readonly cause: "crash"'));
  expect(new Set(causes.filter((cause) => cause !== "finish"))).toEqual(all);
});

test("every finding, with the state it leads to", () => {
  const table = rows("| a finding's `cause` | state | meaning |");
  const documented = Object.fromEntries(
    table.flatMap(({ keys, cells }) => keys.map((key) => [key, /`([a-z]+)`/.exec(cells[1]!)?.[1]])),
  );
  const start = source.indexOf("const STATES");
  const states = source.slice(start, source.indexOf("\n};", start));
  const coded = [...states.matchAll(/^ {2}"?([a-z-]+)"?: (?:"([a-z]+)"|undefined),/gm)];
  expect(coded.length).toBeGreaterThan(10);
  expect(documented).toEqual(Object.fromEntries(coded.map(([, cause, state]) => [cause, state])));
  expect(keysOf("| a finding's `cause` | state | meaning |")).toEqual(
    names("export type FindingCause").sort(),
  );
});
