import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { backends } from "../helpers/backends.js";
import { envelopeCases } from "./envelope-cases.js";
import { checkFile } from "./run-files.js";
import { streamCases } from "./stream-cases.js";
import { encodeVector, FOLDER, fileName, readVectors, X_WING } from "./vector-file.js";
import { xWingCases } from "./x-wing-cases.js";

const vectors = readVectors();
const xWing = readVectors(X_WING);
const cases = [...streamCases, ...envelopeCases];

test("there are at least 150, one file each, and they cover sections A, C, D and E1 to E3", () => {
  expect(vectors.length).toBeGreaterThanOrEqual(150);
  expect(readdirSync(FOLDER)).toHaveLength(cases.length);
  expect(readdirSync(X_WING)).toHaveLength(xWingCases.length);
  const sections = new Set(vectors.map(({ name }) => name.split("-")[0]));
  for (const section of ["A1", "A2", "A3", "A4", "A5", "A9", "C1", "C2", "C3", "C5"])
    expect(sections).toContain(section);
  for (const section of ["D1", "D2", "D3", "D4", "D6", "D7", "D8", "D9", "D10", "D11", "E1", "E2"]) {
    expect(sections).toContain(section);
  }
});

test("generating them again gives the same bytes", () => {
  for (const each of cases) {
    expect(encodeVector(each).equals(readFileSync(FOLDER + fileName(each))), each.name).toBe(true);
  }
  for (const each of xWingCases) {
    expect(encodeVector(each).equals(readFileSync(X_WING + fileName(each))), each.name).toBe(true);
  }
});

describe.each(backends)("on $name", (crypto) => {
  test.each([...vectors, ...xWing])("$name", (vector) => checkFile(vector, crypto));
});
