import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import { type Bytes, isAllZero } from "../formats/bytes.js";
import { INSTITUTION_LENGTH } from "../formats/constants.js";
import { decodeHex, encodeHex } from "../formats/encoding.js";
import { type Core, isRegion, regionBytes } from "./core.js";

/** The public, unalterable conditions of a recording. Everything in it is visible to the server. */
export interface Policy {
  /** When the recording is to be deleted, and openers refuse it. Whole seconds. */
  readonly expiresAt?: Date | undefined;
  /** Where it may be stored, for routing: at most 16 of a-z, 0-9 and -. */
  readonly region?: string | undefined;
  /** 16 opaque bytes as 32 hex digits, chosen by the institution. Not a name. */
  readonly institution?: string | undefined;
}

type PolicyFields = Pick<Core, "expiresAt" | "region" | "institution">;

const MEMBERS: readonly string[] = ["expiresAt", "region", "institution"] satisfies (keyof Policy)[];

/**
 * @throws TypeError for a member that no policy has, so that a misspelt expiry is not simply left out; RangeError for
 *   a date in the past, a region or an institution id that the format cannot hold.
 */
export function encodePolicy(policy: Policy, now: Date): PolicyFields {
  const unknown = Object.keys(policy).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) throw wrongType("policy", `without a member "${unknown}"`, policy);
  const { expiresAt, region = "", institution } = policy;
  if (typeof region !== "string") throw wrongType("policy.region", "a string", region);
  if (!isRegion(region)) throw outOfRange("policy.region", "at most 16 of a-z, 0-9 and -", region);
  return {
    expiresAt: expiresAt === undefined ? 0 : expirySeconds(expiresAt, now),
    region: regionBytes(region),
    institution: institutionBytes(institution),
  };
}

export function decodePolicy({ expiresAt, region, institution }: PolicyFields): Policy {
  return {
    expiresAt: expiresAt === 0 ? undefined : toDate(expiresAt),
    region: region.length === 0 ? undefined : String.fromCharCode(...region),
    institution: isAllZero(institution) ? undefined : encodeHex(institution),
  };
}

/** @throws BlindreelError `expired`. Only to be called once the core is authentic. */
export function checkExpiry({ expiresAt }: PolicyFields, now: Date): void {
  if (expiresAt === 0 || toSeconds(now) < expiresAt) return;
  const expiredAt = toDate(expiresAt);
  throw new BlindreelError("expired", `this recording expired on ${expiredAt.toISOString()}`, { expiredAt });
}

export function toSeconds(date: Date): number {
  const milliseconds = date instanceof Date ? date.getTime() : Number.NaN;
  if (!Number.isFinite(milliseconds) || milliseconds < 0)
    throw outOfRange("date", "valid and after 1970", String(date));
  return Math.floor(milliseconds / 1000);
}

/** The latest time a `Date` holds, in seconds; the format allows more, which is as good as never. */
const LATEST_DATE = 8.64e12;

export function toDate(seconds: number): Date {
  return new Date(Math.min(seconds, LATEST_DATE) * 1000);
}

function expirySeconds(expiresAt: Date, now: Date): number {
  if (!(expiresAt instanceof Date)) throw wrongType("policy.expiresAt", "a Date", expiresAt);
  const seconds = toSeconds(expiresAt);
  if (seconds <= toSeconds(now))
    throw outOfRange("policy.expiresAt", "in the future", expiresAt.toISOString());
  return seconds;
}

function institutionBytes(institution: string | undefined): Bytes {
  if (institution === undefined) return new Uint8Array(INSTITUTION_LENGTH);
  if (typeof institution !== "string") throw wrongType("policy.institution", "a string", institution);
  if (!/^[0-9a-f]{32}$/.test(institution)) {
    throw outOfRange("policy.institution", "32 lowercase hex digits", `${institution.length} characters`);
  }
  return decodeHex(institution);
}
