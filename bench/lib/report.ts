import type { Result } from "./measure.js";

/** One line of the table. */
export interface Row {
  readonly what: string;
  /** Median, in the unit it carries. */
  readonly value: string;
  /** To the bare primitive or the stated reference, in the same run. */
  readonly ratio: number | undefined;
  readonly target: string | undefined;
  readonly met: boolean | undefined;
}

const MIB_TO_MB = 1.048576;

/** What is asked of each form, as a part of the bare primitive's throughput (issue and design targets). */
const TARGETS: readonly [RegExp, number][] = [
  [/64 KiB pieces, (sealFrom|openFrom)/, 0.8],
  [/64 KiB pieces, .*transform/, 0.7],
  [/4 KiB pieces, .*transform/, 0.4],
  [/4 KiB pieces, .*push/, 0.7],
];

export function throughputRow(what: string, mib: number, result: Result, bareMedian: number): Row {
  const ratio = bareMedian / result.median;
  const target = TARGETS.find(([pattern]) => pattern.test(what))?.[1];
  return {
    what,
    value: `${Math.round((mib * MIB_TO_MB * 1000) / result.median)} MB/s`,
    ratio,
    target: target === undefined ? undefined : `>= ${target}`,
    met: target === undefined ? undefined : ratio >= target,
  };
}

export function limitRow(what: string, value: string, actual: number, limit: number): Row {
  return { what, value, ratio: actual, target: `<= ${limit}`, met: actual <= limit };
}
