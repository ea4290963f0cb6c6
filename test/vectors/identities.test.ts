import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { identityCases } from "./identity-cases.js";
import { encodeIdentityVector, IDENTITIES, readIdentityVectors } from "./identity-vector.js";
import { checkIdentity } from "./run-identities.js";

const vectors = readIdentityVectors();

test("there are at least 60, one file each", () => {
  expect(vectors.length).toBeGreaterThanOrEqual(60);
  expect(readdirSync(IDENTITIES)).toHaveLength(identityCases.length);
});

test("generating them again gives the same bytes", () => {
  for (const each of identityCases) {
    const written = readFileSync(`${IDENTITIES}${each.name}.vector`);
    expect(encodeIdentityVector(each).equals(written), each.name).toBe(true);
  }
}, 180_000);

describe("identity files", () => {
  test.each(vectors)("$name", checkIdentity);
});
