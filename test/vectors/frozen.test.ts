import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { defaultProvider } from "../helpers/backends.js";
import {
  changesOf,
  FORMAT_PAGE,
  FROZEN,
  HASHES,
  hashesOf,
  hashOfHashes,
  normativeHash,
  normativeSections,
  SECTIONS,
} from "./frozen.js";
import { readers } from "./readers.js";

/** Each frozen day, and the SHA-256 of its list of hashes. A day is added, never changed (CONTRIBUTING.md). */
const DAYS: Readonly<Record<string, string>> = {
  "2026-11-27": "91a5e699f7a6c47e3b8f8fb3fd50f4a7bea7c11844502aae7befc596da7a862c",
};
const FIRST = "2026-11-27";

const page = readFileSync(FORMAT_PAGE, "utf8");
const linesOf = (text: string): string[] => text.split("\n").filter(Boolean);

test("every frozen day is known", () => {
  expect(readdirSync(FROZEN).sort()).toEqual(Object.keys(DAYS).sort());
});

describe.each(Object.keys(DAYS))("the vectors of %s", (day) => {
  const folder = `${FROZEN}${day}/`;

  test("are those that were frozen: none is changed, added or removed", () => {
    expect(hashOfHashes(folder)).toBe(DAYS[day]);
    expect(linesOf(hashesOf(folder))).toEqual(linesOf(readFileSync(folder + HASHES, "utf8")));
  });

  test("have only kinds that are read", () => {
    const known = readers.map(({ folder: source }) => basename(source));
    const kinds = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(known).toEqual(expect.arrayContaining(kinds.map(({ name }) => name)));
  });

  // A kind that is byte for byte today's is read by the tests of today's already.
  const others = readers.filter(({ folder: source }) => {
    const frozen = `${folder}${basename(source)}/`;
    return existsSync(frozen) && hashesOf(frozen) !== hashesOf(source);
  });
  describe.each(others)("are read as they were then: $folder", ({ folder: source, read }) => {
    test.each(read(`${folder}${basename(source)}/`))("$name", ({ check }) => check(defaultProvider()));
  });
});

describe("the normative part of docs/format-v1.md", () => {
  const changes = changesOf(page);

  test("is the one of the last row under Status (CONTRIBUTING.md, A change of format-v1)", () => {
    expect(changes.at(-1)?.hash).toBe(normativeHash(page));
  });

  test("names there every section that is not what it was when it was frozen", () => {
    expect(changes[0]?.day).toBe(FIRST);
    const frozen = linesOf(readFileSync(`${FROZEN}${FIRST}/${SECTIONS}`, "utf8"));
    const now = linesOf(normativeSections(page));
    const differences = [...frozen, ...now].filter((line) => !frozen.includes(line) || !now.includes(line));
    const changed = new Set(differences.map((line) => line.split("  ")[1]));
    const named = changes.slice(1).flatMap(({ sections }) => sections);
    expect([...changed].filter((title) => !named.includes(title!))).toEqual([]);
  });
});
