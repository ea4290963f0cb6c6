import { InvalidArgumentError } from "commander";
import ms from "ms";

/** Parsers of option values. What they throw, commander reports with the option's name. */

/** For options that may be repeated. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** `7d`, `36h`, `2 weeks`, or a date as `2027-01-31` or `2027-01-31T12:00:00Z`. */
export function parseExpiry(value: string): Date {
  const at = /^\d{4}-\d{2}-\d{2}/.test(value) ? Date.parse(value) : Date.now() + parseDuration(value);
  if (!Number.isFinite(at)) throw new InvalidArgumentError("it is neither a duration as 7d nor a date.");
  if (at <= Date.now()) throw new InvalidArgumentError("it must be in the future.");
  return new Date(at);
}

function parseDuration(value: string): number {
  // `ms` takes a bare number for milliseconds, which nobody means here.
  if (!/[a-z]\s*$/i.test(value) || value.length > 100) return Number.NaN;
  return ms(value as ms.StringValue) ?? Number.NaN;
}

export function parseRegion(value: string): string {
  if (!/^[a-z0-9-]{1,16}$/.test(value)) {
    throw new InvalidArgumentError("a region has 1 to 16 of a-z, 0-9 and -.");
  }
  return value;
}

export function parseInstitution(value: string): string {
  if (!/^[0-9a-f]{32}$/i.test(value)) throw new InvalidArgumentError("32 hex digits are needed.");
  return value.toLowerCase();
}

/** Half-open, in bytes; without an end, to the end of the content. */
export interface ByteRange {
  readonly start: number;
  readonly end: number | undefined;
}

export function parseRange(value: string): ByteRange {
  const match = /^(\d+)-(\d+)?$/.exec(value);
  if (!match) throw new InvalidArgumentError("a range is START-END in bytes, END not included, as 0-1000.");
  const start = Number(match[1]);
  const end = match[2] === undefined ? undefined : Number(match[2]);
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end ?? 0)) {
    throw new InvalidArgumentError("the numbers are too large.");
  }
  if (end !== undefined && end < start) throw new InvalidArgumentError("END lies before START.");
  return { start, end };
}
