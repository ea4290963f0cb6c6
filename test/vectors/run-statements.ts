import { expect } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { decodeBase64Url, encodeHex } from "../../src/formats/encoding.js";
import {
  keysetFingerprint,
  verifyDestruction,
  verifyDirectory,
  verifyHold,
  verifyKeyset,
  verifyRootRotation,
} from "../../src/keyset/index.js";
import { refusalOf } from "./refusal.js";
import type { StatementVector } from "./statement-vector.js";

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

/** Verifies it, and expects what it says. */
export async function checkStatement(vector: StatementVector, crypto: CryptoProvider): Promise<void> {
  expect(await verify(vector, crypto).then(() => "ok", refusalOf)).toBe(vector.expect);
}
