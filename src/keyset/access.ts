import type { CryptoProvider } from "../crypto/provider.js";
import { toDate, toSeconds } from "../envelope/policy.js";
import { type BlindreelError, type GrantFault, refused } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import type { Recipient } from "../keywrap/types.js";
import type { Claim } from "./claims.js";
import type { StaffMember, VerifiedDirectory } from "./directory.js";
import { isSignedBy, type UnverifiedStatement } from "./jws.js";
import { decodeSigningJwk } from "./signing-key.js";

/** What requests, approvals and grants share: who may do what, and when (format-v1, "Request", "Grant"). */

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
export function checkDirectory(institution: string, directory: VerifiedDirectory, now: Date): void {
  if (directory.institution !== institution)
    throw refuse("other-institution", `it is of institution ${institution}, not of ${directory.institution}`);
  if (directory.expires.getTime() <= now.getTime())
    throw refuse("stale-directory", `the directory expired at ${directory.expires.toISOString()}`);
}

/** The directory's member with a key. @param thumbprint 32 bytes. @throws BlindreelError `grant-refused`. */
export function memberOf(directory: VerifiedDirectory, thumbprint: Bytes, role: Role): StaffMember {
  const id = encodeHex(thumbprint);
  const member = directory.member(id);
  const needed = role === "requester" ? "staff" : "grantor";
  if (member?.roles.includes(needed)) return member;
  if (needed === "staff")
    throw refuse("unknown-requester", `the requester's key ${id} is not of the directory's staff`);
  throw refuse("not-a-grantor", `the directory does not let the ${role}'s key ${id} grant`);
}

/** Ed25519, 32 bytes. */
export const publicKeyOf = ({ key }: StaffMember): Bytes => decodeSigningJwk(key);

/** The member who signed a statement. @throws BlindreelError `grant-refused`. */
export async function signerOf(
  crypto: CryptoProvider,
  statement: UnverifiedStatement,
  directory: VerifiedDirectory,
  role: Role,
): Promise<StaffMember> {
  const member = memberOf(directory, statement.kid, role);
  if (await isSignedBy(crypto, statement, publicKeyOf(member))) return member;
  throw refuse("bad-signature", `the ${role}'s signature does not hold`);
}

/** Requester, issuer and approver are different persons. @throws BlindreelError `grant-refused`. */
export function checkHolders(...people: readonly (StaffMember | undefined)[]): void {
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

/** Joiners and variation selectors: letters of some scripts, and of emoji, that show only in what stands before them. */
const JOINERS = /\u200c|\u200d|[\ufe00-\ufe0f]/g;
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/**
 * Text for people, up to `longest` characters, which shows what it holds: something, and no control, format or ignorable
 * characters, of which some turn around the direction of what follows, and no line separators.
 */
export const claimedText =
  (longest: number): Claim<string> =>
  (value) => {
    if (typeof value !== "string" || value.length === 0 || value.length > longest) return undefined;
    const shown = value.replace(JOINERS, "");
    return !HIDDEN.test(shown) && /[^\p{Zs}\u2800]/u.test(shown) ? value : undefined;
  };

/** An id, which is compared: one text for what looks alike, as far as Unicode can say; of spaces U+0020 alone, between words. */
export const claimedId =
  (longest: number): Claim<string> =>
  (value) => {
    const text = claimedText(longest)(value);
    const isOne = text === text?.normalize("NFC") && text?.replace(JOINERS, "") === text;
    return isOne && !/[^\P{Zs} ]|\u2800|^ | $| {2}/u.test(text!) ? text : undefined;
  };

/** What is at hand for every check. */
export interface AccessContext {
  readonly crypto: CryptoProvider;
  readonly directory: VerifiedDirectory;
  readonly now: Date;
}
