import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readStatementVectors, STATEMENTS } from "../vectors/statement-vector.js";
import { PythonDecoder, python } from "./python-decoder.js";

describe.skipIf("missing" in python)("statements, read by an independent reader in Python", () => {
  let decoder: PythonDecoder;
  beforeAll(() => {
    decoder = new PythonDecoder();
  });
  afterAll(() => decoder?.close());

  test("of every vector it says what the SDK says", async () => {
    const differences: string[] = [];
    const vectors = readStatementVectors();
    for (const { name, expect: expected, bucket, fingerprint } of vectors) {
      const path = decoder.file("statement.vector", readFileSync(`${STATEMENTS}${name}.vector`));
      const found: Record<string, unknown> = await decoder.json("--statement", path);
      const outcome = found.code ?? "ok";
      if (outcome !== expected) differences.push(`${name}: ${outcome}, not ${expected}`);
      else if (bucket !== undefined && found.bucket !== bucket) differences.push(`${name}: another bucket`);
      else if (fingerprint !== undefined && found.fingerprint !== fingerprint)
        differences.push(`${name}: another fingerprint`);
    }
    expect(vectors.length).toBeGreaterThan(80);
    expect(differences).toEqual([]);
  });
});
