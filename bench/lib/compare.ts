import type { Row } from "./row.js";

/** Parts by which a figure may be worse than the published one: less is noise. */
const NOISE = 0.1;

/** A figure of a published table: its median in the row's unit, and its ratio. */
interface Published {
  readonly value: number;
  readonly unit: string;
  readonly ratio: number | undefined;
}

/** What got worse since the figures that the page shows. */
export interface Regression {
  readonly what: string;
  readonly before: string;
  readonly now: string;
  /** 0.25: a quarter worse. */
  readonly worse: number;
}

/** @param section of docs/benchmarks.md, between a group's markers. @returns its figures by what they are of. */
export function figuresIn(section: string): Map<string, Published> {
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  const cells = lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const ratioColumn = cells[0]?.indexOf("ratio") ?? -1;
  const figures = new Map<string, Published>();
  for (const row of cells.slice(2)) {
    const [value, unit] = (row[1] ?? "").split(" ");
    const ratio = row[ratioColumn];
    figures.set(row[0]!, {
      value: Number(value),
      unit: unit ?? "",
      ratio: ratio ? Number(ratio) : undefined,
    });
  }
  return figures;
}

/**
 * By ratio where a row has one, since figures of two runs drift with the machine; else by value. Throughput gets worse downwards, as
 * does what has a least target, everything else upwards.
 *
 * @returns what is worse by over a tenth, the worst first.
 */
export function regressions(section: string, rows: readonly Row[]): Regression[] {
  const figures = figuresIn(section);
  const found = rows.flatMap(({ what, value, unit, ratio, target }): Regression[] => {
    const before = figures.get(what);
    if (before?.unit !== unit) return [];
    const isByRatio = ratio !== undefined && before.ratio !== undefined;
    const [old, now] = isByRatio ? [before.ratio, ratio] : [before.value, value];
    const isMoreBetter = unit === "MB/s" || target?.atLeast !== undefined;
    const worse = isMoreBetter ? old / now - 1 : now / old - 1;
    if (!(worse > NOISE) || old === 0) return [];
    const say = (figure: number): string => `${Number(figure.toPrecision(3))} ${isByRatio ? "×" : unit}`;
    return [{ what, before: say(old), now: say(now), worse }];
  });
  return found.sort((one, other) => other.worse - one.worse);
}
