import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { backends } from "../helpers/backends.js";
import { recordingCases } from "./recording-cases.js";
import { encodeRecordingVector, readRecordingVectors } from "./recording-vector.js";
import { checkRecording } from "./run-recordings.js";
import { RECORDINGS } from "./vector-file.js";

const vectors = readRecordingVectors();

test("there are at least 300, one file each, and they cover sections C, D, E, H and L", () => {
  expect(vectors.length).toBe(recordingCases.length);
  expect(vectors.length).toBeGreaterThanOrEqual(300);
  const sections = new Set(vectors.map(({ name }) => name.split("-")[0]));
  for (const section of "A2 A3 A4 A5 C1 C5 D4 D6 D7 D10 E6 H1 H2 H3 H4 L1 L2 L3 L4 L5 L7 L8 L9".split(" "))
    expect(sections).toContain(section);
});

test("generating them again gives the same bytes", () => {
  for (const each of recordingCases) {
    const written = readFileSync(`${RECORDINGS}${each.name}.vector`);
    expect(encodeRecordingVector(each).equals(written), each.name).toBe(true);
  }
});

describe.each(backends)("on $name", (crypto) => {
  test.each(vectors)("$name", (vector) => checkRecording(vector, crypto));
});
