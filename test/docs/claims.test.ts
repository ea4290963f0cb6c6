import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT, readPage } from "./extract.js";
import { titlesOf } from "./security-index.js";

/** A row of a table of docs/claims.md whose last column names tests. */
interface Claim {
  readonly claim: string;
  readonly tests: readonly { readonly file: string; readonly title: string }[];
}

const page = readPage("docs/claims.md");
const HEADER = "| claim | what is so here | shown by |\n|---|---|---|\n";

/** `test/a.test.ts` "a title"; same file "another" */
function testsIn(cell: string): Claim["tests"] {
  let file = "";
  return [...cell.matchAll(/(?:`([^`]+\.test\.ts)`|same file) "([^"]+)"/g)].map(([, named, title]) => {
    file = named ?? file;
    return { file, title: title! };
  });
}

const claims: Claim[] = page
  .split(HEADER)
  .slice(1)
  .flatMap((part) => part.split("\n\n")[0]!.split("\n"))
  .map((row) => {
    const cells = row.split(" | ");
    expect(cells, row).toHaveLength(3);
    return { claim: cells[0]!.replace(/^\| /, ""), tests: testsIn(cells[2]!) };
  });

describe("docs/claims.md", () => {
  test("has the claims of the field", () => {
    expect(claims.length).toBeGreaterThan(25);
    expect(new Set(claims.map(({ claim }) => claim)).size).toBe(claims.length);
  });

  test.each(claims)("$claim: its tests are there", ({ tests }) => {
    expect(tests.length).toBeGreaterThan(0);
    const missing = tests.filter(
      ({ file, title }) => !existsSync(join(ROOT, file)) || !titlesOf(file).includes(title),
    );
    expect(missing).toEqual([]);
  });

  test("names no test outside of its tables, where nobody would look it up", () => {
    const named = page.match(/\.test\.ts`/g)!.length + page.match(/same file "/g)!.length;
    expect(claims.flatMap(({ tests }) => tests)).toHaveLength(named);
  });
});
