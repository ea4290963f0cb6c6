import { describe, expect, it } from "vitest";
import { decodeEntry, type Entry, encodeEntry, type SegmentEntry } from "../../src/log/entry.js";
import { expectCode } from "../helpers/errors.js";

/** Encoding accepts exactly what decoding does: one entry that does not decode costs its whole page. */
const salt = new Uint8Array(16);
const hash = new Uint8Array(32);
const take: Entry = { kind: 1, salt, track: 1, take: 0, name: "camera", type: "video/webm", time: 1 };
const segment: SegmentEntry = {
  ...{ kind: 2, salt, track: 1, take: 0, index: 0, end: 1, time: 1 },
  ...{ length: 86 + 16 + 5, content: 5, head: hash, subroots: [hash], points: [{ time: 0, byte: 4 }] },
};
const loss: Entry = { kind: 3, salt, what: 1, cause: 1, track: 1, first: 0, count: 1, time: 1 };
const points = (count: number) => Array.from({ length: count }, (_, i) => ({ time: i, byte: 0 }));

describe("an entry", () => {
  it.each<[string, Entry]>([
    ["take", take],
    ["take of the longest texts", { ...take, name: "ü".repeat(32), type: "t".repeat(128) }],
    ["segment", segment],
    ["loss", loss],
  ])("%s decodes to what was encoded", (_, entry) => {
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
  });

  it.each<[string, Entry]>([
    ["a name of 65 bytes", { ...take, name: "n".repeat(65) }],
    ["a name of 33 letters of two bytes", { ...take, name: "ü".repeat(33) }],
    ["a type of 129 bytes", { ...take, type: "t".repeat(129) }],
    ["track 0", { ...take, track: 0 }],
    ["a track without a name", { ...take, name: "" }],
    ["a segment without its subroot", { ...segment, subroots: [] }],
    ["a subroot too many", { ...segment, subroots: [hash, hash] }],
    ["17 points", { ...segment, points: points(17) }],
    ["points at one byte", { ...segment, points: points(2) }],
    ["a point behind the content", { ...segment, points: [{ time: 0, byte: 5 }] }],
    ["a loss of nothing", { ...loss, count: 0 }],
  ])("with %s is not encoded: no reader would take it", async (_, entry) => {
    await expectCode(async () => encodeEntry(entry), "malformed");
  });
});
