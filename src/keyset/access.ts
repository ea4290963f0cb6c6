import type { CryptoProvider } from "../crypto/provider.js";
import { toDate, toSeconds } from "../envelope/policy.js";
import { type BlindreelError, type GrantFault, refused, wrongType } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import type { Check } from "../formats/options.js";
import type { Recipient } from "../keywrap/types.js";
import type { Claim } from "./claims.js";
import { isSignedBy, type UnverifiedStatement } from "./jws.js";
import { decodeSigningJwk, type SigningJwk } from "./signing-key.js";

/** What requests, approvals and grants share: who may do what, and when (format-v1, "Request", "Grant"). */

/** The keyset's say in grants. A verified keyset is one. */
export interface GrantRules {
  /** 32 hex digits. */
  readonly institution: string;
  /** How many others a grant needs: 1 is the issuer, 2 the issuer and an approver. */
  readonly approvals: 1 | 2;
}

/** A person's signing key. */
export interface DirectoryMember {
  /** Pseudonym of the person, the same for all of their keys. */
  readonly holder: string;
  readonly key: SigningJwk;
  /** `staff` may request access, `grantor` may issue and approve grants. */
  readonly roles: readonly string[];
}

/** The directory's say in grants. A verified directory is one. */
export interface StaffDirectory {
  /** 32 hex digits. */
  readonly institution: string;
  readonly expires: Date;
  /** @param thumbprint of a signing key, 64 hex digits. */
  member(thumbprint: string): DirectoryMember | undefined;
  /** @param grantId 32 hex digits. */
  isWithdrawn(grantId: string): boolean;
}

/** Reads a public encryption key; `importXWingRecipient` for hybrid ones. */
export type ImportRecipient = (
  jwk: never,
  options?: { readonly crypto?: CryptoProvider },
) => Promise<Recipient>;

type Role = "requester" | "issuer" | "approver";

/** Tolerated difference between two clocks, in seconds. */
const CLOCK_SKEW = 600;

/** Longest validity of a request, and so of a grant, in seconds: 31 days. Its key is destroyed then. */
export const LONGEST_VALIDITY = 31 * 86_400;

export function refuse(reason: GrantFault, sentence: string): BlindreelError<"grant-refused"> {
  return refused("grant-refused", reason, sentence);
}

/** @throws BlindreelError `grant-refused`: `other-institution`, `stale-directory`. */
export function checkDirectory(institution: string, directory: StaffDirectory, now: Date): void {
  if (directory.institution !== institution)
    throw refuse("other-institution", `it is of institution ${institution}, not of ${directory.institution}`);
  if (directory.expires.getTime() <= now.getTime())
    throw refuse("stale-directory", `the directory expired at ${directory.expires.toISOString()}`);
}

/** The directory's member with a key. @param thumbprint 32 bytes. @throws BlindreelError `grant-refused`. */
export function memberOf(directory: StaffDirectory, thumbprint: Bytes, role: Role): DirectoryMember {
  const id = encodeHex(thumbprint);
  const member = directory.member(id);
  const needed = role === "requester" ? "staff" : "grantor";
  if (member?.roles.includes(needed)) return member;
  if (needed === "staff")
    throw refuse("unknown-requester", `the requester's key ${id} is not of the directory's staff`);
  throw refuse("not-a-grantor", `the directory does not let the ${role}'s key ${id} grant`);
}

/** Ed25519, 32 bytes. */
export const publicKeyOf = ({ key }: DirectoryMember): Bytes => decodeSigningJwk(key);

/** The member who signed a statement. @throws BlindreelError `grant-refused`. */
export async function signerOf(
  crypto: CryptoProvider,
  statement: UnverifiedStatement,
  directory: StaffDirectory,
  role: Role,
): Promise<DirectoryMember> {
  const member = memberOf(directory, statement.kid, role);
  if (await isSignedBy(crypto, statement, publicKeyOf(member))) return member;
  throw refuse("bad-signature", `the ${role}'s signature does not hold`);
}

/** Requester, issuer and approver are different persons. @throws BlindreelError `grant-refused`. */
export function checkHolders(...people: readonly (DirectoryMember | undefined)[]): void {
  const holders = people.flatMap((member) => member?.holder ?? []);
  if (new Set(holders).size < holders.length)
    throw refuse("same-holder", "requester, issuer and approver have to be different persons");
}

/**
 * @param issued, notAfter seconds since 1970. @param since when what it answers was issued.
 * @throws BlindreelError `grant-refused`: `issued-ahead`, `backdated`, `expired`.
 */
export function checkTimes(
  { issued, notAfter, since }: { readonly issued: number; readonly notAfter: number; readonly since: number },
  now: Date,
): void {
  const at = toSeconds(now);
  if (issued > at + CLOCK_SKEW)
    throw refuse("issued-ahead", `it was issued at ${shown(issued)}, and here it is ${now.toISOString()}`);
  if (issued < since - CLOCK_SKEW)
    throw refuse("backdated", `it was issued at ${shown(issued)}, before what it answers`);
  if (notAfter <= at) throw refuse("expired", `it ended at ${shown(notAfter)}`);
}

const shown = (seconds: number): string => toDate(seconds).toISOString();

/** Text for people, up to `longest` characters, without control characters. */
export const claimedText =
  (longest: number): Claim<string> =>
  (value) =>
    typeof value === "string" && value.length > 0 && value.length <= longest && !/\p{Cc}/u.test(value)
      ? value
      : undefined;

/** A directory, by its members. @throws TypeError. */
export const directoryArgument: Check<StaffDirectory> = (name, value) => {
  const directory = value as Partial<StaffDirectory> | null | undefined;
  if (typeof directory?.member === "function" && typeof directory.isWithdrawn === "function")
    return directory as StaffDirectory;
  throw wrongType(name, "a directory that verifyDirectory returned", value);
};

/** A keyset, by its members. @throws TypeError. */
export const rulesArgument: Check<GrantRules> = (name, value) => {
  const rules = value as Partial<GrantRules> | null | undefined;
  if (typeof rules?.institution === "string" && (rules.approvals === 1 || rules.approvals === 2))
    return rules as GrantRules;
  throw wrongType(name, "a keyset that verifyKeyset returned", value);
};

/** What is at hand for every check. */
export interface AccessContext {
  readonly crypto: CryptoProvider;
  readonly directory: StaffDirectory;
  readonly now: Date;
}
