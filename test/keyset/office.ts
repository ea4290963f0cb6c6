import { expect } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import type { GrantFault } from "../../src/errors.js";
import {
  type KeysetKeyClaims,
  type StaffEntry,
  type StaffRole,
  signDirectory,
  signKeyset,
  type VerifiedDirectory,
  verifyDirectory,
  verifyKeyset,
} from "../../src/keyset/index.js";
import { generateSigningKey, type SigningKey } from "../../src/keyset/signing-key.js";
import { generateIdentity } from "../../src/keywrap/index.js";
import { expectCode } from "../helpers/errors.js";

/** An institution with its staff, for tests of requests and grants. */

export const NOW = new Date("2027-01-10T10:00:00Z");
export const DAY = 86_400_000;
export const later = (days: number): Date => new Date(NOW.getTime() + days * DAY);

export const INSTITUTION = "0123456789abcdef0123456789abcdef";
export const OTHER_INSTITUTION = "f".repeat(32);

export const bucket = await generateIdentity();
export const recovery = await generateIdentity();

/** An entry of the directory with its private key. */
export interface Person extends StaffEntry {
  readonly signer: SigningKey;
}

async function person(holder: string, ...roles: StaffRole[]): Promise<Person> {
  const signer = await generateSigningKey();
  return { holder, signer, key: signer.publicJwk(), roles };
}

export const anna = await person("a".repeat(32), "staff");
export const berta = await person("b".repeat(32), "grantor", "staff");
export const carla = await person("c".repeat(32), "grantor");
const STAFF = [anna, berta, carla];
/** Somebody of nowhere. */
export const mallory = await person("d".repeat(32));

const [root, registrar] = [await generateSigningKey(), await generateSigningKey()];

interface Rules {
  readonly institution?: string;
  readonly approvals?: 1 | 2;
  /** When it is verified; it is signed a day before. */
  readonly at?: Date;
  readonly crypto?: CryptoProvider;
}

/** A keyset that `verifyKeyset` returned, of a bucket and its recovery key. */
export async function keysetOf({
  institution = INSTITUTION,
  approvals = 1,
  at = NOW,
  ...crypto
}: Rules = {}) {
  const issued = new Date(at.getTime() - DAY);
  const dates = { notBefore: issued, notAfter: later(400), destroyAfter: later(400) };
  const keys: KeysetKeyClaims[] = [
    {
      role: "bucket",
      recipient: bucket.recipient,
      recovery: recovery.recipient,
      expiresFrom: issued,
      ...dates,
    },
    { role: "recovery", recipient: recovery.recipient, ...dates },
  ];
  const expires = new Date(at.getTime() + 60 * DAY);
  const claims = {
    institution,
    sequence: 1,
    issued,
    expires,
    registrar: registrar.publicJwk(),
    approvals,
    keys,
  };
  const text = await signKeyset(claims, root, crypto);
  return verifyKeyset(text, { pin: root.thumbprint, now: at, ...crypto });
}

export interface DirectoryChanges extends Omit<Rules, "approvals"> {
  readonly expires?: Date;
  readonly withdrawn?: readonly string[];
}

/** A directory of these people that `verifyDirectory` returned, valid for a week unless given. */
export async function directoryOf(
  people: readonly Pick<StaffEntry, "holder" | "roles" | "key">[] = STAFF,
  { institution = INSTITUTION, expires = later(7), withdrawn = [], at, ...crypto }: DirectoryChanges = {},
): Promise<VerifiedDirectory> {
  const last = new Date(Math.min(expires.getTime() - 1000, (at ?? NOW).getTime()));
  const issued = new Date(last.getTime() - DAY);
  const claims = { institution, sequence: 1, issued, expires, staff: people, withdrawn };
  const text = await signDirectory(claims, registrar, crypto);
  const keyset = await keysetOf({ institution, at: last, ...crypto });
  return verifyDirectory(text, { keyset, now: last, ...crypto });
}

export const keyset = await keysetOf();
export const TWO_APPROVALS = await keysetOf({ approvals: 2 });

export async function expectRefused(action: () => unknown, reason: GrantFault): Promise<void> {
  const { details } = await expectCode(action, "grant-refused");
  expect(details.reason).toBe(reason);
}
