import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  CoreFlag,
  CREATED_AT_STEP,
  Kind,
  LeafType,
  LIMITS,
  Magic,
  ManifestState,
  METADATA_BLOCK,
  SegmentEnd,
  SegmentFlag,
  SenderType,
  SLOT_BODY_LENGTH,
  SlotType,
  SUITE,
} from "../../src/formats/constants.js";
import { SEGMENT_HEAD_LENGTH } from "../../src/recording/leaf.js";
import { MANIFEST_HEADER_LENGTH } from "../../src/recording/manifest-header.js";
import { SUBTREE_CHUNKS } from "../../src/recording/tree.js";
import { CHUNK, SEALED_CHUNK, sealedLength } from "../../src/stream/geometry.js";
import { type Padding, paddedLength } from "../../src/stream/padding.js";

const page = readFileSync(new URL("../../docs/format-v1.md", import.meta.url), "utf8");

/** The rows of the one table whose header row is `| columns |`, without code font. */
function table(...columns: string[]): string[][] {
  const lines = page.split("\n");
  const header = `| ${columns.join(" | ")} |`;
  const at = lines.indexOf(header);
  if (at < 0 || lines.lastIndexOf(header) !== at) throw new Error(`the page needs one table ${header}`);
  const rows: string[][] = [];
  for (let i = at + 2; lines[i]?.startsWith("|"); i++) {
    const cells = lines[i]!.split("|").slice(1, -1);
    rows.push(cells.map((cell) => cell.trim().replaceAll("`", "")));
  }
  return rows;
}

function numbers(rows: readonly string[][], column: number): Record<string, number> {
  return Object.fromEntries(rows.map((row) => [row[0]!, Number(row[column])]));
}

describe("docs/format-v1.md and src/formats/constants.ts agree on", () => {
  test("limits", () => {
    expect(numbers(table("name", "ceiling", "what is bounded"), 1)).toEqual(LIMITS);
  });

  test("magics", () => {
    const rows = table("name", "magic", "object").map(([name, magic]) => [name!, magic!]);
    const decoder = new TextDecoder();
    const expected = Object.entries(Magic).map(([name, bytes]) => [name, decoder.decode(bytes)]);
    expect(rows).toEqual(expected);
  });

  test("kinds", () => {
    expect(numbers(table("name", "kind", "what the envelope is for"), 1)).toEqual(Kind);
  });

  test("slot types and body lengths", () => {
    const rows = table("name", "slot type", "body length", "how the file key is wrapped");
    expect(numbers(rows, 1)).toEqual(SlotType);
    const lengths = Object.fromEntries(rows.map((row) => [Number(row[1]), Number(row[2])]));
    expect(lengths).toEqual(SLOT_BODY_LENGTH);
  });

  test("suite, flags, sender types, and a manifest's numbers", () => {
    expect(numbers(table("name", "value", "where"), 1)).toEqual({
      suite: SUITE,
      "flag postQuantumOnly": CoreFlag.postQuantumOnly,
      "flag padded": SegmentFlag.padded,
      "sender type none": SenderType.none,
      "sender type ed25519": SenderType.ed25519,
      "state open": ManifestState.open,
      "state final": ManifestState.final,
      "end cut": SegmentEnd.cut,
      "end final": SegmentEnd.final,
      "leaf type sha256": LeafType.sha256,
    });
  });

  test("the rounding of createdAt, the metadata's block and the chunk", () => {
    expect(page).toContain(`rounded down to a multiple of ${CREATED_AT_STEP}`);
    expect(page).toContain(`the whole a multiple of ${METADATA_BLOCK}`);
    expect(page).toContain(`sealedMetadata is at least ${sealedLength(METADATA_BLOCK)}`);
    expect(page).toContain(`has exactly ${CHUNK} bytes of plaintext`);
    expect(page).toContain(`chunk k is at 86 + ${SEALED_CHUNK} × k`);
  });

  test("the manifest's header, subtrees and the head of a segment", () => {
    expect(page).toContain(`| 2 | ${MANIFEST_HEADER_LENGTH} bytes are there | \`truncated\` |`);
    expect(page).toContain(`leaves ${SUBTREE_CHUNKS} i … ${SUBTREE_CHUNKS} i + ${SUBTREE_CHUNKS - 1}`);
    expect(page).toContain(`first ${SEGMENT_HEAD_LENGTH} bytes of the segment`);
  });

  test("padded lengths", () => {
    const rows = table("N", "P by `chunk`", "P by `padme`");
    expect(rows.length).toBeGreaterThan(5);
    for (const [length, chunk, padme] of rows) {
      const of = (padding: Padding): string => String(paddedLength(padding, Number(length)));
      expect([length, of("chunk"), of("padme")]).toEqual([length, chunk, padme]);
    }
  });
});
