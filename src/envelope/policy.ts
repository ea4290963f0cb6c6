import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import { dateTime, isClassInstance } from "../formats/brand.js";
import { isAllZero } from "../formats/bytes.js";
import { INSTITUTION_LENGTH } from "../formats/constants.js";
import { decodeHex, encodeHex, isHex } from "../formats/encoding.js";
import { type Checks, dateArgument, readOptions } from "../formats/options.js";
import { type Core, isRegion, regionBytes } from "./core.js";

/** The public, immutable conditions of a recording, visible to the server (format-v1, "Core"). */
export interface Policy {
  /** Time of deletion; openers then fail with `expired`. Rounded down to seconds. */
  readonly expiresAt?: Date | undefined;
  /** Place of storage, for routing: at most 16 of a-z, 0-9 and -. */
  readonly region?: string | undefined;
  /** 16 opaque bytes as 32 lowercase hex digits, chosen by the institution. No name. */
  readonly institution?: string | undefined;
}

export const POLICY: Checks<Policy> = {
  expiresAt: dateArgument,
  region(name, value) {
    if (typeof value !== "string") throw wrongType(name, "a string", value);
    if (!isRegion(value))
      throw outOfRange(name, "at most 16 of a-z, 0-9 and -", `${value.length} characters`);
    return value;
  },
  institution(name, value) {
    if (typeof value !== "string") throw wrongType(name, "a string", value);
    if (isHex(value, INSTITUTION_LENGTH)) return value;
    throw outOfRange(name, "32 lowercase hex digits", `${value.length} characters`);
  },
};

export type PolicyFields = Pick<Core, "expiresAt" | "region" | "institution">;

/**
 * A policy's fields of the core.
 *
 * @throws TypeError for an unknown member, so that a misspelt expiry is never ignored, and for class
 *   instances; RangeError for a date in the past, and a region or institution outside the format's ranges.
 */
export function encodePolicy(policy: Policy | undefined, now: Date): PolicyFields {
  const { expiresAt, region = "", institution } = readOptions<Policy>("policy", policy, POLICY);
  if (policy !== undefined && isClassInstance(policy)) throw wrongType("policy", "a plain object", policy);
  return {
    expiresAt: expiresAt === undefined ? 0 : expirySeconds(expiresAt, now),
    region: regionBytes(region),
    institution: institution === undefined ? new Uint8Array(INSTITUTION_LENGTH) : decodeHex(institution),
  };
}

export function decodePolicy({ expiresAt, region, institution }: PolicyFields): Policy {
  return {
    expiresAt: expiresAt === 0 ? undefined : toDate(expiresAt),
    region: region.length === 0 ? undefined : String.fromCharCode(...region),
    institution: isAllZero(institution) ? undefined : encodeHex(institution),
  };
}

/**
 * For authenticated cores (format-v1, "Opening", step 17).
 *
 * @param heldUntil a legal hold's end, in seconds since 1970.
 * @throws BlindreelError `expired`.
 */
export function checkExpiry({ expiresAt }: PolicyFields, now: Date, heldUntil = 0): void {
  if (expiresAt === 0 || toSeconds(now) < Math.max(expiresAt, heldUntil)) return;
  const expiredAt = toDate(expiresAt);
  throw new BlindreelError("expired", `this recording expired on ${expiredAt.toISOString()}`, { expiredAt });
}

export function toSeconds(date: Date): number {
  const milliseconds = dateTime(date) ?? Number.NaN;
  if (!(milliseconds >= 0)) throw outOfRange("date", "valid and after 1970", date);
  return Math.floor(milliseconds / 1000);
}

/** The latest `Date`, in seconds since 1970. The format allows later times, which become this one. */
const LATEST_DATE = 8.64e12;

export function toDate(seconds: number): Date {
  return new Date(Math.min(seconds, LATEST_DATE) * 1000);
}

function expirySeconds(expiresAt: Date, now: Date): number {
  const seconds = toSeconds(expiresAt);
  if (seconds <= toSeconds(now))
    throw outOfRange("policy.expiresAt", "in the future", expiresAt.toISOString());
  return seconds;
}
