import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FlagLine, Flags } from "../src/flags.js";

/** One look each second. */
const at = (look: number): Date => new Date(Date.UTC(2026, 0, 1, 9, 0, look));
const iso = (look: number): string => at(look).toISOString();

function linesOf(faces: readonly (number | undefined)[], inARow: number): FlagLine[] {
  const flags = new Flags(inARow);
  const lines = faces.flatMap((count, i) => flags.look(count, at(i)));
  return [...lines, ...flags.end(at(faces.length))];
}

describe("flags", () => {
  it("come at the third look in a row, once, and end with the row", () => {
    expect(linesOf([1, 0, 0, 0, 0, 1], 3)).toEqual([
      { at: iso(1), type: "flag", what: "no-face", frames: 3, until: iso(3) },
      { at: iso(5), type: "flag-end", what: "no-face", frames: 4 },
    ]);
  });

  it("three faces are like two, and another kind is another row", () => {
    expect(linesOf([2, 3, 0, 0], 2)).toEqual([
      { at: iso(0), type: "flag", what: "two-faces", frames: 2, until: iso(1) },
      { at: iso(2), type: "flag-end", what: "two-faces", frames: 2 },
      { at: iso(2), type: "flag", what: "no-face", frames: 2, until: iso(3) },
      { at: iso(4), type: "flag-end", what: "no-face", frames: 2 },
    ]);
  });

  it("a look at nothing is no face less: it ends the row", () => {
    expect(linesOf([0, 0, undefined, 0, 0, undefined, undefined], 3)).toEqual([]);
  });

  it("one for every row that is long enough, and none for another", () => {
    const counts = fc.array(fc.constantFrom(undefined, 0, 1, 2), { maxLength: 60 });
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 5 }), (faces, inARow) => {
        const letters = faces.map((count) => "-021"[[undefined, 0, 2, 1].indexOf(count)]).join("");
        const rows = [...letters.matchAll(/0+|2+/g)].filter(([row]) => row.length >= inARow);
        const lines = linesOf(faces, inARow);
        const flags = lines.filter(({ type }) => type === "flag");
        expect(flags).toEqual(
          rows.map(({ 0: row, index }) => ({
            at: iso(index),
            type: "flag",
            what: row.startsWith("0") ? "no-face" : "two-faces",
            frames: inARow,
            until: iso(index + inARow - 1),
          })),
        );
        const ends = lines.filter(({ type }) => type === "flag-end");
        expect(ends.map(({ at, frames }) => [at, frames])).toEqual(
          rows.map(({ 0: row, index }) => [iso(index + row.length), row.length]),
        );
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN])("%s looks in a row are refused", (inARow) => {
    expect(() => new Flags(inARow)).toThrow(RangeError);
  });
});
