import { barX, dot, line, type Markish, plot, ruleX, text } from "@observablehq/plot";
import { JSDOM } from "jsdom";
import type { Row } from "./row.js";

/** How a group's points are drawn; the value is always the row's. */
export interface ChartSpec {
  /** `lines` for a number on x (drawn on a logarithmic scale), one line for each series; `bars` for names. */
  readonly kind: "lines" | "bars";
  /** What stands on x, as `piece size, KiB`. Bars need none. */
  readonly x?: string;
}

interface Mark {
  readonly what: string;
  readonly series: string;
  readonly x: number | string;
  readonly value: number;
}

const WIDTH = 720;

/** @returns an SVG document of its own. */
export function drawChart(rows: readonly Row[], spec: ChartSpec): string {
  const marks = rows.flatMap(({ what, value, point }) => (point ? [{ what, value, ...point }] : []));
  const unit = rows.find(({ point }) => point)?.unit;
  if (!unit) throw new Error("a chart without points");
  const { document } = new JSDOM("").window;
  const svg = plot({
    document,
    width: WIDTH,
    style: "background: white; color: #222; font: 12px sans-serif",
    ...(spec.kind === "bars" ? bars(marks, unit) : lines(marks, unit, spec.x ?? "")),
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${svg.outerHTML}\n`;
}

function bars(marks: readonly Mark[], unit: string) {
  const series = [...new Set(marks.map((mark) => mark.series))];
  const grid: Markish[] = [
    barX(marks, { x: "value", y: "x", fy: "series", fill: "series", sort: { fy: null, y: null } }),
    text(marks, {
      x: "value",
      y: "x",
      fy: "series",
      text: ({ value }: Mark) => shortNumber(value),
      dx: 4,
      textAnchor: "start",
    }),
    ruleX([0]),
  ];
  const height = 60 + 24 * marks.length + 16 * series.length;
  return {
    marginLeft: 240,
    marginRight: 90,
    height,
    x: { label: unit, grid: true },
    y: { label: null, domain: [...new Set(marks.map(({ x }) => x))] },
    fy: { label: null, domain: series },
    color: { scheme: "tableau10" as const, domain: series },
    marks: grid,
  };
}

function lines(marks: readonly Mark[], unit: string, xLabel: string) {
  const ticks = [...new Set(marks.map(({ x }) => Number(x)))].sort((a, b) => a - b);
  return {
    marginRight: 170,
    marginLeft: 60,
    height: 400,
    x: { type: "log" as const, base: 2, label: xLabel, ticks, tickFormat: shortNumber },
    y: { label: unit, grid: true, zero: true },
    color: { scheme: new Set(marks.map(({ series }) => series)).size > 10 ? "paired" : "tableau10" } as const,
    marks: [
      line(marks, { x: "x", y: "value", stroke: "series" }),
      dot(marks, { x: "x", y: "value", fill: "series", r: 3 }),
      text(namesOf(marks), {
        x: "x",
        y: "value",
        fill: "series",
        text: "series",
        textAnchor: "start",
        dx: 6,
      }),
    ],
  };
}

/** Least distance between names, as a part of the chart's height. */
const NAME_HEIGHT = 0.04;

/** Names at the lines' ends instead of a legend, which would not be SVG. Those that are close are moved apart. */
function namesOf(marks: readonly Mark[]): Mark[] {
  const last = new Map<string, Mark>();
  for (const mark of marks) {
    const known = last.get(mark.series);
    if (!known || Number(mark.x) >= Number(known.x)) last.set(mark.series, mark);
  }
  const distance = NAME_HEIGHT * Math.max(...marks.map(({ value }) => value));
  let lowest = Number.NEGATIVE_INFINITY;
  return [...last.values()]
    .sort((left, right) => left.value - right.value)
    .map((mark) => {
      lowest = Math.max(mark.value, lowest + distance);
      return { ...mark, value: lowest };
    });
}

function shortNumber(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value >= 10 ? value.toFixed(1) : String(Number(value.toPrecision(2)));
}
