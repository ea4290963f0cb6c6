import { readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { ROOT, readPage } from "./extract.js";

/** An id of test/README.md in the title of a test. */
export interface NamedId {
  readonly file: string;
  /** `A1` of the attacks, `fault L1` of the faults. */
  readonly id: string;
}

/** Ids at the beginning of a title, and in brackets: `A1`, `fault L1`, `faults L1 and L2`. */
export function idsOf(title: string): string[] {
  const [lead] = /^(?:(?:faults? )?[A-Z]\d{1,2}(?:, | and | |:|$))*/.exec(title)!;
  const parts = [lead, ...(title.match(/\(.*?\)/g) ?? [])];
  return [...new Set(parts.flatMap((part) => idsOfPart(part)))];
}

function idsOfPart(part: string): string[] {
  const [single = "", list = ""] = part.split(/\bfaults /);
  const found = [...single.matchAll(/\b(fault )?([A-Z]\d{1,2})\b/g)].map(
    ([, fault = "", id]) => `${fault}${id}`,
  );
  const listed = [...list.matchAll(/\b[A-Z]\d{1,2}\b/g)].map(([id]) => `fault ${id}`);
  return [...found.filter((id) => /^(fault |[A-JL])/.test(id)), ...listed];
}

/** Every id in a test's title, of all test files of the package and of the command line. */
export function namedIds(): NamedId[] {
  const files = ["test", "cli/test"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
      .filter((name) => name.endsWith(".ts") && !name.includes("node_modules")),
  );
  return files.flatMap((file) => titlesOf(file).flatMap((title) => idsOf(title).map((id) => ({ file, id }))));
}

/** First arguments of `test`, `it`, `describe` and their variants (`it.each(rows)`, `test.skipIf(…)`). */
export function titlesOf(file: string): string[] {
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTestFunction(node.expression)) {
      const [title] = node.arguments;
      if (title && ts.isStringLiteralLike(title)) titles.push(title.text);
      else if (title && ts.isTemplateExpression(title)) titles.push(title.head.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readPage(file), ts.ScriptTarget.Latest));
  return titles;
}

function isTestFunction(called: ts.Expression): boolean {
  if (ts.isIdentifier(called)) return /^(test|it|describe)/.test(called.text);
  if (ts.isPropertyAccessExpression(called) || ts.isCallExpression(called))
    return isTestFunction(called.expression);
  return false;
}
