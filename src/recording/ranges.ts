/** Half-open ranges of byte offsets, kept disjoint and ascending. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** `ranges` with one more, joined with those it touches. */
export function withRange(ranges: readonly Range[], { start, end }: Range): Range[] {
  const apart = ranges.filter((range) => range.end < start || range.start > end);
  const touching = ranges.filter((range) => range.end >= start && range.start <= end);
  const joined = {
    start: Math.min(start, ...touching.map((range) => range.start)),
    end: Math.max(end, ...touching.map((range) => range.end)),
  };
  return [...apart, joined].sort((left, right) => left.start - right.start);
}

/** What of `[0, length)` no range covers. */
export function gapsIn(ranges: readonly Range[], length: number): Range[] {
  const gaps: Range[] = [];
  let start = 0;
  for (const range of ranges) {
    if (range.start > start) gaps.push({ start, end: range.start });
    start = range.end;
  }
  if (start < length) gaps.push({ start, end: length });
  return gaps;
}
