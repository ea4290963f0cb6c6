/** ARCHITECTURE.md names files and functions that exist, all floors, and every chapter of docs/format-v1.md. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { ROOT, readPage } from "./extract.js";

const page = readPage("ARCHITECTURE.md");

/** Cells of the table below a heading, without its header. */
function rows(heading: string): string[][] {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`) + 1);
  const lines = section.slice(0, section.indexOf("\n## ") + 1 || undefined).split("\n");
  return lines
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const codes = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

/** Names that a file declares: functions, classes, methods, constants. */
function declaredIn(file: string): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    const { name } = node as { readonly name?: ts.Node };
    const declares =
      ts.isFunctionDeclaration(node) ||
      ts.isClassDeclaration(node) ||
      ts.isMethodDeclaration(node) ||
      ts.isVariableDeclaration(node);
    if (declares && name && (ts.isIdentifier(name) || ts.isPrivateIdentifier(name))) names.add(name.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readPage(file), ts.ScriptTarget.Latest));
  return names;
}

/** A name in capitals stands for one of the reader's choice; the others are made by a command or by the change that is described. */
const TO_BE_MADE = /NAME|x-wing|docs\/api/;

test("every file and folder that it and CONTRIBUTING.md name exists", () => {
  const paths = codes(page + readPage("CONTRIBUTING.md").replace(/```[\s\S]*?```/g, "")).filter(
    (code) => /^(src|test|docs|cli|demo|bench|scripts)\//.test(code) && !TO_BE_MADE.test(code),
  );
  expect(paths.length).toBeGreaterThan(100);
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test.each(["Seal", "Open", "Record", "Review"])(
  "%s: every step's functions are declared in its file",
  (heading) => {
    const steps = rows(heading);
    expect(steps.length).toBeGreaterThan(6);
    for (const [, file, functions] of steps) {
      const declared = declaredIn(codes(file!)[0]!);
      expect(codes(functions!).length, file).toBeGreaterThan(0);
      expect(
        codes(functions!).filter((name) => !declared.has(name)),
        file,
      ).toEqual([]);
    }
  },
);

test("what it says is in a file is declared there", () => {
  const places = [...page.matchAll(/`(\w+)`(?: and `(\w+)`)? in `(src\/[\w/.-]+\.ts)`/g)];
  const named = rows("Where things are").flatMap(([, where]) => [
    ...where!.matchAll(/`(src\/[\w/.-]+)`: `(\w+)`/g),
  ]);
  const declarations = [
    ...places.flatMap(([, one, other, file]) => [one, other].filter(Boolean).map((name) => [file!, name!])),
    ...named.map(([, file, name]) => [file!, name!]),
  ];
  expect(declarations.length).toBeGreaterThan(8);
  expect(declarations.filter(([file, name]) => !declaredIn(file!).has(name!))).toEqual([]);
});

test("the floors are those that test/architecture.test.ts holds", () => {
  const [, table] = /const FLOORS[^{]*\{([\s\S]*?)\};/.exec(readPage("test/architecture.test.ts"))!;
  const held = [...table!.matchAll(/^ {2}"?([\w.-]+)"?: (\d),/gm)].map(
    ([, name, floor]) => `${floor} ${name}`,
  );
  const shown = rows("Floors").map(([floor, folder]) => `${floor} ${/^`src\/(.*?)\/?`$/.exec(folder!)![1]}`);
  expect(shown.sort()).toEqual(held.sort());
});

test("every chapter of the specification stands in the table, in its order", () => {
  const headings = [...readPage("docs/format-v1.md").matchAll(/^(##|###) (.*)$/gm)];
  const chapters = headings.map(([, level, title]) => (level === "##" ? title : `– ${title}`));
  expect(rows("Chapters of format-v1 and their files").map(([chapter]) => chapter)).toEqual(chapters);
});
