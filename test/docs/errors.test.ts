/** docs/errors.md lists every code of src/errors.ts, with the members of its details. */
import ts from "typescript";
import { expect, test } from "vitest";
import { readPage } from "./extract.js";

const page = readPage("docs/errors.md");

/** Code to the members of its details, from the interface `ErrorDetails`. */
function declared(): Record<string, string[]> {
  const source = ts.createSourceFile("errors.ts", readPage("src/errors.ts"), ts.ScriptTarget.Latest);
  const details = source.statements
    .filter(ts.isInterfaceDeclaration)
    .find(({ name }) => name.text === "ErrorDetails");
  const nameOf = (member: ts.TypeElement) => (member.name as ts.Identifier | ts.StringLiteral).text;
  return Object.fromEntries(
    details!.members.filter(ts.isPropertySignature).map((member) => {
      const members = member.type && ts.isTypeLiteralNode(member.type) ? member.type.members.map(nameOf) : [];
      return [nameOf(member), members];
    }),
  );
}

test("every code, with its details", () => {
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (.*?) \| (.+?) \| (.+?) \|$/gm)];
  const documented = rows.map(([, code, details]) => [
    code,
    [...details!.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  ]);
  const codes = declared();
  expect(Object.keys(codes).length).toBeGreaterThan(25);
  expect(Object.fromEntries(documented)).toEqual(codes);
  expect(documented).toHaveLength(Object.keys(codes).length);
});
