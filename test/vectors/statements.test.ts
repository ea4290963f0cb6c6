import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { backends } from "../helpers/backends.js";
import { checkStatement } from "./run-statements.js";
import { statementCases } from "./statement-cases.js";
import { encodeStatementVector, readStatementVectors, STATEMENTS } from "./statement-vector.js";

const vectors = readStatementVectors();

test("there are at least 50, one file each, and they cover F1 to F3, F5, F8 to F10", () => {
  expect(vectors.length).toBeGreaterThanOrEqual(50);
  expect(readdirSync(STATEMENTS)).toHaveLength(statementCases.length);
  const sections = new Set(vectors.map(({ name }) => name.split("-")[0]));
  expect(sections).toEqual(new Set(["F1", "F10", "F2", "F3", "F5", "F8", "F9", "ok"]));
});

test("generating them again gives the same bytes", () => {
  for (const each of statementCases) {
    expect(encodeStatementVector(each), each.name).toBe(
      readFileSync(`${STATEMENTS}${each.name}.vector`, "utf8"),
    );
  }
});

describe.each(backends)("on $name", (crypto) => {
  test.each(vectors)("$name", (vector) => checkStatement(vector, crypto));
});
