import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { backends } from "../helpers/backends.js";
import { accessCases } from "./access-cases.js";
import { ACCESS, type AccessVector, encodeAccessVector, readAccessVectors } from "./access-vector.js";
import { checkAccess } from "./run-access.js";

const vectors = readAccessVectors();
const isAnOk = ({ name }: AccessVector) => name.startsWith("ok-");

test("there are at least 60, and they cover F6 and F8", () => {
  expect(vectors.length).toBeGreaterThanOrEqual(60);
  expect(readdirSync(ACCESS)).toHaveLength(accessCases.length);
  for (const section of ["F6", "F8", "N1", "D10"])
    expect(vectors.some(({ name }) => name.startsWith(`${section}-`))).toBe(true);
  for (const vector of vectors) expect(vector.one("expect") === "ok", vector.name).toBe(isAnOk(vector));
});

test("generating them again gives the same bytes", () => {
  for (const each of accessCases) {
    const stored = readFileSync(`${ACCESS}${each.name}.vector`);
    expect(encodeAccessVector(each).equals(stored), each.name).toBe(true);
  }
});

describe.each(backends)("on $name", (crypto) => {
  test.each(vectors)("$name", (vector) => checkAccess(vector, crypto));
});
