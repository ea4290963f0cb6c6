import type { Padding } from "blindreel";
import { InvalidArgumentError } from "commander";
import { usageError } from "./cli-error.js";

/** Parsers of option values. What they throw, commander reports with the option's name. */

/** For options that count once: a second value would silently win. */
export function once<T>(parse: (value: string) => T): (value: string, previous: T | undefined) => T {
  return (value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError("it is given twice.");
    return parse(value);
  };
}

/** For options that may be repeated. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** For key files, which may be repeated. A key itself is not repeated in the message. */
export function collectKeys(value: string, previous: readonly string[] = []): readonly string[] {
  if (/^\s*\{|-----BEGIN/.test(value)) {
    throw usageError(
      "a key is given as the name of its file: others on this machine can see the command line",
    );
  }
  return collect(parseName(value), previous);
}

export function parseName(value: string): string {
  if (value === "") throw new InvalidArgumentError("a name is needed.");
  return value;
}

/** A decimal number, of days, buckets, a file descriptor. */
export function parseCount(value: string): number {
  if (!/^(0|[1-9]\d{0,6})$/.test(value)) throw new InvalidArgumentError("it is no whole number.");
  return Number(value);
}

/** The most that a pool of the SDK has. */
const MOST_THREADS = 64;

export function parseThreads(value: string): number {
  const count = parseCount(value);
  if (count < 1 || count > MOST_THREADS) throw new InvalidArgumentError(`1 to ${MOST_THREADS} are possible.`);
  return count;
}

/** The head of a ledger, as `ledger verify` prints it. */
export function parseHead(value: string): { readonly size: number; readonly hash: string } {
  const [, size, hash] = /^(0|[1-9]\d{0,14}):([0-9a-f]{64})$/.exec(value) ?? [];
  if (hash === undefined) throw new InvalidArgumentError("it is no head: a number, a colon, 64 hex digits.");
  return { size: Number(size), hash };
}

const DURATION_MS = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** `36h`, `7d`, `2w`, or a date as {@link parseTime}, of whole seconds. */
export function parseExpiry(value: string): Date {
  const [, count, unit] = /^([1-9]\d{0,5})([hdw])$/.exec(value) ?? [];
  const at =
    count === undefined
      ? timeOf(value)
      : Date.now() + Number(count) * DURATION_MS[unit as keyof typeof DURATION_MS];
  if (at === undefined) {
    throw new InvalidArgumentError(
      "it is neither a duration as 7d nor a date as 2027-01-31 or 2027-01-31T12:00:00Z.",
    );
  }
  if (count === undefined && at % 1000 !== 0) throw new InvalidArgumentError("whole seconds are needed.");
  if (at <= Date.now()) throw new InvalidArgumentError("it must be in the future.");
  return new Date(at);
}

/** A day (its beginning, UTC), or a time with its zone. */
export function parseTime(value: string): Date {
  const at = timeOf(value);
  if (at === undefined) {
    throw new InvalidArgumentError(
      "it is no time as 2027-01-31T12:00:00Z, 2027-01-31T12:00+01:00 or 2027-01-31.",
    );
  }
  return new Date(at);
}

/** RFC 3339 §5.6, its upper case, with seconds and fractions left out where they are not needed. */
const TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(?:Z|([+-])(\d\d):(\d\d)))?$/;

/** @returns undefined for what is no time, or one that the calendar or the clock does not have. */
function timeOf(value: string): number | undefined {
  const match = TIME.exec(value);
  if (!match) return undefined;
  const [
    ,
    year,
    month,
    day,
    hour = "0",
    minute = "0",
    second = "0",
    fraction = "",
    sign,
    zoneHour,
    zoneMinute,
  ] = match;
  const local = new Date(0);
  local.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  local.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, "0")));
  // Whatever there is not rolled over to something else.
  const isThere = [
    [local.getUTCMonth() + 1, month],
    [local.getUTCDate(), day],
    [local.getUTCHours(), hour],
    [local.getUTCMinutes(), minute],
    [local.getUTCSeconds(), second],
  ].every(([is, wanted]) => is === Number(wanted));
  if (!isThere) return undefined;
  if (sign === undefined) return local.getTime();
  const offset = Number(zoneHour) * 60 + Number(zoneMinute);
  // RFC 3339 §4.3: -00:00 says that the zone is not known.
  const isZone = Number(zoneHour) <= 23 && Number(zoneMinute) <= 59 && !(sign === "-" && offset === 0);
  return isZone ? local.getTime() - (sign === "-" ? -offset : offset) * 60_000 : undefined;
}

export function parseRegion(value: string): string {
  if (!/^[a-z0-9-]{1,16}$/.test(value)) {
    throw new InvalidArgumentError("a region has 1 to 16 of a-z, 0-9 and -.");
  }
  return value;
}

export function parseInstitution(value: string): string {
  return parseHex(value, 32);
}

/** A coreHash, as `seal` and a recorder report it. */
export function parseCoreHash(value: string): string {
  return parseHex(value, 64);
}

function parseHex(value: string, digits: number): string {
  if (value.length !== digits || !/^[0-9a-f]+$/i.test(value)) {
    throw new InvalidArgumentError(`${digits} hex digits are needed.`);
  }
  return value.toLowerCase();
}

export function parsePadding(value: string): Padding {
  if (value !== "chunk" && value !== "padme")
    throw new InvalidArgumentError("Allowed choices are chunk, padme.");
  return value;
}

/** Half-open, in bytes; without an end, to the end of the content. */
export interface ByteRange {
  readonly start: number;
  readonly end: number | undefined;
}

export function parseRange(value: string): ByteRange {
  const match = /^(0|[1-9]\d*)-(0|[1-9]\d*)?$/.exec(value);
  if (!match) throw new InvalidArgumentError("a range is START-END in bytes, END not included, as 0-1000.");
  const start = Number(match[1]);
  const end = match[2] === undefined ? undefined : Number(match[2]);
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end ?? 0)) {
    throw new InvalidArgumentError("the numbers are too large.");
  }
  if (end !== undefined && end < start) throw new InvalidArgumentError("END lies before START.");
  return { start, end };
}
