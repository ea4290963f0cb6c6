import { expect } from "vitest";
import type { GrantFault } from "../../src/errors.js";
import type { DirectoryMember, StaffDirectory } from "../../src/keyset/access.js";
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

export interface Person {
  readonly holder: string;
  readonly key: SigningKey;
  readonly roles: readonly string[];
}

async function person(holder: string, ...roles: string[]): Promise<Person> {
  return { holder, key: await generateSigningKey(), roles };
}

export const anna = await person("a".repeat(32), "staff");
export const berta = await person("b".repeat(32), "grantor", "staff");
export const carla = await person("c".repeat(32), "grantor");
/** Somebody of nowhere. */
export const mallory = await person("d".repeat(32));

export const TWO_APPROVALS = { institution: INSTITUTION, approvals: 2 } as const;
export const keyset = {
  institution: INSTITUTION,
  approvals: 1 as const,
  keys: [
    { role: "bucket", keyId: bucket.keyId, destroyAfter: later(400) },
    { role: "recovery", keyId: recovery.keyId, destroyAfter: later(401) },
  ],
};

export interface Office extends StaffDirectory {
  readonly withdrawn: Set<string>;
}

/** A directory of these people, valid for a week. */
export function directoryOf(
  people: readonly Person[] = [anna, berta, carla],
  { institution = INSTITUTION, expires = later(7) } = {},
): Office {
  const members = new Map<string, DirectoryMember>(
    people.map(({ key, holder, roles }) => [key.thumbprint, { holder, roles, key: key.publicJwk() }]),
  );
  const withdrawn = new Set<string>();
  return {
    institution,
    expires,
    withdrawn,
    member: (thumbprint) => members.get(thumbprint),
    isWithdrawn: (grantId) => withdrawn.has(grantId),
  };
}

export async function expectRefused(action: () => unknown, reason: GrantFault): Promise<void> {
  const { details } = await expectCode(action, "grant-refused");
  expect(details.reason).toBe(reason);
}
