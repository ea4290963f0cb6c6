import type { CryptoProvider } from "../crypto/provider.js";
import { toDate, toSeconds } from "../envelope/policy.js";
import type { KeysetReference } from "../envelope/provenance.js";
import { type RefusalCode, refused, wrongType } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { HASH_LENGTH } from "../formats/constants.js";
import { encodeHex, isHex } from "../formats/encoding.js";
import { type Check, countArgument, readOptions } from "../formats/options.js";
import { hashClaim } from "./claims.js";
import { isSignedBy, type UnverifiedStatement } from "./jws.js";

/** What every kind of statement is held to: its signer, its time, its number (format-v1, "Statements"). */

/** The kinds of statement that this module refuses. */
type StatementRefusal = Extract<
  RefusalCode,
  "keyset-refused" | "directory-refused" | "rotation-refused" | "hold-refused" | "destruction-refused"
>;

/** Seconds that a statement may be issued ahead of the reader's clock. */
const CLOCK_SKEW = 600;
const DAY = 86_400;

const clocks = (seconds: number, now: Date): string =>
  `at ${toDate(seconds).toISOString()}, and the clock here says ${now.toISOString()}`;

/**
 * @param signer thumbprint in hex, and a public key that may be another.
 * @throws BlindreelError of `code`, `wrong-signer` or `bad-signature`.
 */
export async function checkSigner(
  crypto: CryptoProvider,
  statement: UnverifiedStatement,
  signer: { readonly thumbprint: string; readonly publicKey: Bytes },
  code: StatementRefusal,
): Promise<void> {
  const actual = encodeHex(statement.kid);
  if (actual !== signer.thumbprint)
    throw refused(code, "wrong-signer", `${actual} signed it, not ${signer.thumbprint}`);
  if (!(await isSignedBy(crypto, statement, signer.publicKey)))
    throw refused(code, "bad-signature", "altered");
}

/** @throws BlindreelError of `code`, `other-institution`. */
export function checkInstitution(actual: string, expected: string | undefined, code: StatementRefusal): void {
  if (expected !== undefined && actual !== expected)
    throw refused(code, "other-institution", `${actual}, not ${expected}`);
}

/** @throws BlindreelError of `code`, `issued-ahead`. */
export function checkIssued(issued: number, now: Date, code: StatementRefusal): void {
  if (issued <= toSeconds(now) + CLOCK_SKEW) return;
  throw refused(code, "issued-ahead", clocks(issued, now));
}

/** @throws BlindreelError of `code`, `expired`. */
export function checkExpires(
  expires: number,
  now: Date,
  code: Exclude<StatementRefusal, "rotation-refused" | "destruction-refused">,
): void {
  if (toSeconds(now) < expires) return;
  throw refused(code, "expired", clocks(expires, now));
}

interface Dated {
  /** Seconds since 1970. */
  readonly issued: number;
  readonly expires: number;
}

/** @throws BlindreelError of `code`: `too-long`, `issued-ahead`, `expired`. */
export function checkValidity(
  { issued, expires }: Dated,
  now: Date,
  longestDays: number,
  code: "keyset-refused" | "directory-refused",
): void {
  if (expires <= issued || expires - issued > longestDays * DAY)
    throw refused(code, "too-long", `${longestDays} days at most`);
  checkIssued(issued, now, code);
  checkExpires(expires, now, code);
}

/**
 * @param seen what the client stored of the last one.
 * @throws BlindreelError of `code`: `rolled-back`, `conflict`.
 */
export function checkSequence(
  { sequence, hash }: KeysetReference,
  seen: KeysetReference | undefined,
  code: "keyset-refused" | "directory-refused" | "rotation-refused",
): void {
  if (!seen || sequence > seen.sequence) return;
  if (sequence < seen.sequence) throw refused(code, "rolled-back", `${sequence} after ${seen.sequence}`);
  if (hash !== seen.hash) throw refused(code, "conflict", `two of ${sequence}`);
}

/** A full thumbprint in hex or base64url, as hex. @throws TypeError; BlindreelError `malformed` for other text. */
export const pinArgument: Check<string> = (name, value) => {
  const isText = typeof value === "string";
  const thumbprint = isText && (isHex(value, HASH_LENGTH) ? value : hashClaim(value));
  if (thumbprint) return thumbprint;
  throw wrongType(name, "a thumbprint in hex or base64url");
};

const SEEN = { sequence: countArgument, hash: pinArgument };

export const seenArgument: Check<KeysetReference> = (name, value) =>
  readOptions<KeysetReference>(name, value, SEEN, ["sequence", "hash"]);
