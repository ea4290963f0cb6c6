/** test/README.md names the source of every attack and fault that a test's title names. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT, readPage } from "./extract.js";
import { namedIds } from "./security-index.js";

/** Id, and the files or folders that its row names. */
const rows = [
  ...readPage("test/README.md").matchAll(/^\| ((?:fault )?[A-Z]\d{1,2}) \| .+? \| (`.+?`) \|(.*)$/gm),
].map(([, id, tests, source]) => ({
  id: id!,
  files: [...tests!.matchAll(/`(.+?)`/g)].map(([, file]) => file!),
  source: source!,
}));

test("every id in a test's title has one row, which names the test's file", () => {
  expect(rows.length).toBeGreaterThan(80);
  const named = namedIds();
  expect(named.length).toBeGreaterThan(200);
  const missing = named.filter(
    ({ id, file }) => !rows.some((row) => row.id === id && row.files.some((each) => file.startsWith(each))),
  );
  expect(missing).toEqual([]);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
});

test("every file of a row holds its id, and every attack has a source", () => {
  const faults = rows.flatMap(({ id, files, source }) => {
    const isFault = id.startsWith("fault ");
    const holds = isFault ? `faults?\\b.*\\b${id.slice(6)}\\b` : `\\b${id}\\b`;
    const without = files.filter((file) => !textsOf(file).some((text) => new RegExp(holds).test(text)));
    return [...without.map((file) => `${id}: ${file}`), ...(isFault || /\w/.test(source) ? [] : [id])];
  });
  expect(faults).toEqual([]);
});

/** The texts of a file, or of all files in a folder. */
function textsOf(path: string): string[] {
  if (!existsSync(join(ROOT, path))) return [];
  if (!statSync(join(ROOT, path)).isDirectory()) return [readPage(path)];
  return readdirSync(join(ROOT, path))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readPage(`${path}/${name}`));
}
