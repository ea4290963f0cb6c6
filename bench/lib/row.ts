import type { Result } from "./measure.js";

/** One line of a table. */
export interface Row {
  readonly what: string;
  /** A median, in `unit`. */
  readonly value: number;
  readonly unit: "MB/s" | "ms" | "µs" | "MiB" | "bytes" | "×" | "%";
  /** To the group's reference, in the same run; 1 is the reference itself. */
  readonly ratio?: number;
  readonly target?: Target;
  /** Where the row stands in the group's chart. */
  readonly point?: Point;
  /** Every sample in milliseconds, sorted, for whoever wants more than a median. */
  readonly times?: readonly number[];
}

/** What is asked of a row's ratio or of its value. */
export interface Target {
  readonly of: "ratio" | "value";
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Point {
  readonly series: string;
  readonly x: number | string;
}

export function isMet({ value, ratio, target }: Row): boolean | undefined {
  if (!target) return undefined;
  const actual = target.of === "ratio" ? ratio : value;
  if (actual === undefined) throw new Error("a target for a ratio that is not there");
  return actual >= (target.atLeast ?? -Infinity) && actual <= (target.atMost ?? Infinity);
}

export const ratioAtLeast = (atLeast: number): Target => ({ of: "ratio", atLeast });
export const ratioAtMost = (atMost: number): Target => ({ of: "ratio", atMost });
export const valueAtMost = (atMost: number): Target => ({ of: "value", atMost });

type Extras = Pick<Row, "target" | "point">;

/** Throughput of `bytes` a run in MB (10^6 bytes) a second; the ratio is how many times the reference's it is. */
export function throughputRow(
  what: string,
  bytes: number,
  result: Result,
  reference?: { readonly bytes: number; readonly result: Result },
  extras: Extras = {},
): Row {
  const value = perSecond(bytes, result);
  const ratio = reference && value / perSecond(reference.bytes, reference.result);
  return { what, value, unit: "MB/s", ...(ratio ? { ratio } : {}), ...extras, times: result.times };
}

function perSecond(bytes: number, { median }: Result): number {
  return bytes / median / 1000;
}

/** Time of one of `operations` in a run; the ratio is how many times the reference's time it is. */
export function timeRow(
  what: string,
  { unit, operations = 1 }: { readonly unit: "ms" | "µs"; readonly operations?: number },
  result: Result,
  reference?: { readonly operations?: number; readonly result: Result },
  extras: Extras = {},
): Row {
  const each = result.median / operations;
  const ratio = reference && each / (reference.result.median / (reference.operations ?? 1));
  return {
    what,
    value: unit === "ms" ? each : each * 1000,
    unit,
    ...(ratio ? { ratio } : {}),
    ...extras,
    times: result.times,
  };
}
