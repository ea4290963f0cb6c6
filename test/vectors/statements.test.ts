import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { isBlindreelError } from "../../src/errors.js";
import { decodeBase64Url, encodeHex } from "../../src/formats/encoding.js";
import {
  keysetFingerprint,
  verifyDestruction,
  verifyDirectory,
  verifyHold,
  verifyKeyset,
  verifyRootRotation,
} from "../../src/keyset/index.js";
import { backends } from "../helpers/backends.js";
import { statementCases } from "./statement-cases.js";
import {
  encodeStatementVector,
  readStatementVectors,
  STATEMENTS,
  type StatementVector,
} from "./statement-vector.js";

const vectors = existsSync(STATEMENTS) ? readStatementVectors() : [];

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

const dateOf = (seconds: number): Date => new Date(seconds * 1000);

async function verify(vector: StatementVector, crypto: CryptoProvider): Promise<void> {
  const { kind, text, pin, institution, announced, region } = vector;
  const now = dateOf(vector.now);
  const [sequence, hash] = vector.seen?.split(" ") ?? [];
  const seen = hash === undefined ? {} : { seen: { sequence: Number(sequence), hash } };
  const known = { pin, crypto, ...seen, ...(institution && { institution }) };
  if (kind === "root")
    return void (await verifyRootRotation(text, { ...known, ...(announced && { announced }) }));
  if (kind === "keyset") {
    const keyset = await verifyKeyset(text, { ...known, now });
    if (vector.fingerprint) expect(keysetFingerprint(keyset)).toBe(vector.fingerprint);
    const expiresAt = vector["expires-at"];
    const held = vector["held-until"];
    if (expiresAt === undefined) return;
    const need = { expiresAt: dateOf(expiresAt), region, now, ...(held && { heldUntil: dateOf(held) }) };
    const [bucket] = keyset.recipients(need);
    expect(bucket!.thumbprint).toBe(encodeHex(decodeBase64Url(vector.bucket!)));
    return;
  }
  const keyset = await verifyKeyset(vector.keyset!, { pin, now, crypto });
  const verifyIt = { directory: verifyDirectory, hold: verifyHold, destruction: verifyDestruction }[kind];
  await verifyIt(text, { keyset, now, crypto, ...(kind === "directory" ? seen : {}) });
}

describe.each(backends)("on $name", (crypto) => {
  test.each(vectors)("$name", async (vector) => {
    const outcome = await verify(vector, crypto).then(
      () => "ok",
      (error: unknown) => {
        if (!isBlindreelError(error)) throw error;
        const { reason } = (error.details ?? {}) as { reason?: string };
        return reason === undefined ? error.code : `${error.code} ${reason}`;
      },
    );
    expect(outcome).toBe(vector.expect);
  });
});
