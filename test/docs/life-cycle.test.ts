/** docs/recordings.md, "Life cycle", shows three tables of the code. */
import { expect, test } from "vitest";
import { GATE } from "../../src/recording/journal/state.js";
import { CALLS, TRANSITIONS } from "../../src/recording/life-cycle.js";
import { readPage } from "./extract.js";

/** A table's rows by their first cell: the names in its second. @param header of the table. */
function table(header: string): Record<string, string[]> {
  const lines = readPage("docs/recordings.md").split("\n");
  const at = lines.indexOf(header);
  expect(at, header).toBeGreaterThan(0);
  const rows: Record<string, string[]> = {};
  for (const line of lines.slice(at + 2)) {
    const [, key, values] = /^\| `([\w-]+)` \| (.*?) \|/.exec(line) ?? [];
    if (key === undefined) break;
    rows[key] = [...values!.matchAll(/`([\w-]+)`/g)].map(([, name]) => name!);
  }
  return rows;
}

const sorted = (rows: Readonly<Record<string, readonly string[]>>) =>
  Object.fromEntries(Object.entries(rows).map(([key, values]) => [key, [...values].sort()]));

test("the states and which may follow", () => {
  expect(sorted(table("| state | may become | meaning |"))).toEqual(sorted(TRANSITIONS));
});

test("the calls and the states that allow them", () => {
  expect(sorted(table("| call | allowed in |"))).toEqual(sorted(CALLS));
});

test("the journal's gate", () => {
  expect(sorted(table("| phase | records | what a resume finds |"))).toEqual(sorted(GATE));
});
