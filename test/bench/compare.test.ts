import { expect, it } from "vitest";
import { figuresIn, regressions } from "../../bench/lib/compare.js";
import { publishedSection } from "../../bench/lib/publish.js";
import type { Row } from "../../bench/lib/row.js";

const SECTION = `<!-- bench: x -->

| what | median | ratio | target | met |
| --- | --- | --- | --- | --- |
| bare | 1000 MB/s | 1.00 |  |  |
| stream | 800 MB/s | 0.80 | ≥ 0.8 × | yes |
| wrap | 1.500 ms | 1.50 |  |  |
| peak | 40.0 MiB |  |  |  |
| lost | 0.00 % |  |  |  |
`;

it("names what is worse by over a tenth, by ratio where there is one, the worst first", () => {
  const rows: Row[] = [
    { what: "bare", value: 500, unit: "MB/s", ratio: 1 },
    { what: "stream", value: 350, unit: "MB/s", ratio: 0.7 },
    { what: "wrap", value: 1.2, unit: "ms", ratio: 1.6 },
    { what: "peak", value: 80, unit: "MiB" },
    { what: "lost", value: 1, unit: "%" },
    { what: "new", value: 1, unit: "ms" },
  ];
  expect(regressions(SECTION, rows).map(({ what, before, now }) => [what, before, now])).toEqual([
    ["peak", "40 MiB", "80 MiB"],
    ["stream", "0.8 ×", "0.7 ×"],
  ]);
  expect(regressions(SECTION, [{ what: "stream", value: 400, unit: "MB/s", ratio: 0.73 }])).toEqual([]);
  // How many times as fast as another: more is better.
  const target = { of: "ratio", atLeast: 3 } as const;
  const faster = (ratio: number) =>
    regressions(SECTION, [{ what: "wrap", value: 1, unit: "ms", ratio, target }]);
  expect([faster(2).length, faster(1.2).length]).toEqual([0, 1]);
});

it("reads the tables of the page", () => {
  const figures = figuresIn(publishedSection("seal-64-kib"));
  expect(figures.get("bare")).toMatchObject({ unit: "MB/s", ratio: 1 });
  expect(figures.get("sealFrom")!.value).toBeGreaterThan(1);
});
