import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/errors.js";
import {
  CoreFlag,
  CREATED_AT_STEP,
  Kind,
  LIMITS,
  Magic,
  METADATA_BLOCK,
  SegmentFlag,
  SenderType,
  SIGNATURE_LENGTH,
  SLOT_BODY_LENGTH,
  SlotType,
  SUITE,
} from "../../src/formats/constants.js";
import {
  decodeEntry,
  ENTRY_SALT_LENGTH,
  type Entry,
  EntryKind,
  encodeEntry,
  isPadded,
  Loss,
  LossCause,
  MAX_NAME,
  MAX_POINTS,
  MAX_TYPE,
  SEGMENT_CHUNKS,
  SEGMENT_HEAD_LENGTH,
  SegmentEnd,
  segmentGeometry,
} from "../../src/log/entry.js";
import { DETAILS_SALT_LENGTH, MAX_REASON } from "../../src/log/manifest.js";
import { manifestName, pageName, receiptName, segmentName } from "../../src/log/names.js";
import { PAGE_ENTRIES } from "../../src/log/page.js";
import { SEALED_HEADER_LENGTH } from "../../src/log/sealed-object.js";
import { ManifestState } from "../../src/log/statement.js";
import { pathLength, SUBTREE } from "../../src/log/tree.js";
import { CHUNK, SEALED_CHUNK, sealedLength } from "../../src/stream/geometry.js";
import { type Padding, paddedLength } from "../../src/stream/padding.js";

const SRC = new URL("../../src/", import.meta.url);
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

/** Bytes of the types of fixed size; of texts that are empty. */
const SIZES: Readonly<Record<string, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  "16 bytes": 16,
  "32 bytes": 32,
  str8: 1,
  "time:u32 byte:u32 each": 0,
};
const u32 = (value: number): number[] => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
];

function isAccepted(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    expect((error as { code?: unknown }).code).toBe("malformed");
    return false;
  }
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
      "end final": SegmentEnd.final,
      "end cut": SegmentEnd.cut,
    });
  });

  test("the rounding of createdAt, the metadata's block and the chunk", () => {
    expect(page).toContain(`rounded down to a multiple of ${CREATED_AT_STEP}`);
    expect(page).toContain(`the whole a multiple of ${METADATA_BLOCK}`);
    expect(page).toContain(`sealedMetadata is at least ${sealedLength(METADATA_BLOCK)}`);
    expect(page).toContain(`has exactly ${CHUNK} bytes of plaintext`);
    expect(page).toContain(`chunk k is at 86 + ${SEALED_CHUNK} × k`);
  });

  test("kinds of entries, and the fields of each", () => {
    expect(numbers(table("name", "entry kind", "what it says"), 1)).toEqual(EntryKind);
    const salt = new Uint8Array(ENTRY_SALT_LENGTH);
    const hash = new Uint8Array(32);
    const length = sealedLength(5) + 30;
    const entries: Readonly<Record<string, Entry>> = {
      take: { kind: 1, salt, track: 1, take: 0, name: "n", type: "", time: 0 },
      segment: {
        ...{ kind: 2, salt, track: 1, take: 0, index: 0, end: 1, time: 0, length, content: 5 },
        ...{ head: hash, subroots: [hash], points: [] },
      },
      loss: { kind: 3, salt, what: 5, cause: 5, track: 1, first: 0, count: 0, time: 0 },
    };
    for (const [name, entry] of Object.entries(entries)) {
      const rows = table(`field of a ${name}`, "type", "value");
      const fields = Object.keys(entry).map((field) => (field === "points" ? "pointCount" : field));
      expect(rows.map(([field]) => field)).toEqual(name === "segment" ? [...fields, "points"] : fields);
      const sizes = rows.map(([, type]) => SIZES[type!.split(" × ")[0]!]!);
      const texts = name === "take" ? 1 : 0;
      expect(encodeEntry(entry).length).toBe(sizes.reduce((sum, size) => sum + size, texts));
    }
    expect(page).toContain(`UTF-8, 1 to ${MAX_NAME} bytes`);
    expect(page).toContain(`UTF-8, at most ${MAX_TYPE} bytes, may be empty`);
    expect(page).toContain(`| pointCount | u8 | at most ${MAX_POINTS} |`);
  });

  test("losses, their causes and ranges", () => {
    const causes = numbers(table("cause of a loss", "value", "meaning"), 1);
    expect(causes).toEqual(LossCause);
    const rows = table("loss", "what", "causes", "first and count");
    expect(rows.map((row) => Number(row[1]))).toEqual(Object.values(Loss));
    const salt = new Uint8Array(ENTRY_SALT_LENGTH);
    for (const [, what, allowed, range] of rows) {
      const track = Number(what) === Loss.page ? 0 : 1;
      const count = range === "both 0" ? 0 : 1;
      const accepted = Object.values(LossCause).filter((cause) => {
        const entry = Uint8Array.of(
          3,
          ...salt,
          Number(what),
          cause,
          0,
          track,
          ...u32(0),
          ...u32(count),
          ...u32(0),
          ...u32(0),
        );
        return isAccepted(() => decodeEntry(entry));
      });
      expect(accepted).toEqual(allowed!.split(", ").map(Number));
    }
  });

  test("geometry of a recording's segment", () => {
    const longest = SEGMENT_HEAD_LENGTH + SEGMENT_CHUNKS * SEALED_CHUNK;
    expect(page).toContain(`It has 1 to ${SEGMENT_CHUNKS} chunks, so at most ${longest} bytes.`);
    expect(segmentGeometry({ end: SegmentEnd.cut, length: longest })?.chunks).toBe(SEGMENT_CHUNKS);
    expect(segmentGeometry({ end: SegmentEnd.cut, length: longest + SEALED_CHUNK })).toBeUndefined();
    expect(segmentGeometry({ end: SegmentEnd.final, length: longest + 16 })).toBeUndefined();
    expect(page).toContain(`H("segment head", first ${SEGMENT_HEAD_LENGTH} bytes of the segment)`);
    const most = CHUNK - 1 - 8;
    expect(page).toContain(`at most ${most} bytes of content each`);
    const length = SEGMENT_HEAD_LENGTH + SEALED_CHUNK - 1;
    expect(isPadded({ end: SegmentEnd.final, length, content: most })).toBe(true);
    expect(isPadded({ end: SegmentEnd.final, length, content: most + 1 })).toBeUndefined();
  });

  test("trees, pages, manifests", () => {
    const last = SUBTREE - 1;
    expect(page).toContain(`its leaves ${SUBTREE} i … ${SUBTREE} i + ${last}`);
    expect(page).toContain(`is the root of log leaves ${SUBTREE} p … ${SUBTREE} p + ${last}`);
    expect(page).toContain(
      `\`entries\` are entries ${PAGE_ENTRIES} p … ${PAGE_ENTRIES} p + ${PAGE_ENTRIES - 1}`,
    );
    expect(page).toContain(`| 7 | ${PAGE_ENTRIES} entries, ${SIGNATURE_LENGTH} bytes of signature`);
    for (const object of ["page", "manifest"]) {
      const steps = table("step", `check of a ${object}`, "fails with");
      expect(steps[1]).toEqual(["2", `${SEALED_HEADER_LENGTH} bytes are there`, "truncated"]);
    }
    const rows = table("field of details", "type", "value");
    expect(rows[0]![1]).toBe(`${DETAILS_SALT_LENGTH} bytes`);
    expect(rows[3]![2]).toContain(`at most ${MAX_REASON} bytes`);
    expect([pathLength(0, 1), pathLength(2, 5), pathLength(4, 5)]).toEqual([0, 3, 1]);
  });

  test("names of stored objects", () => {
    const id = "0".repeat(32);
    const shape = (name: string): string => name.slice(id.length);
    expect(shape(segmentName(id, 1, 2))).toBe("/0001/00000002.seg");
    expect(page).toContain('recordingId "/" track "/" index ".seg"');
    for (const [name, start] of [
      [pageName(id, 3), "page"],
      [manifestName(id, 3), "manifest"],
    ] as const) {
      expect(shape(name)).toBe(`/${start}-00000003`);
      expect(page).toContain(`recordingId "/${start}-" `);
    }
    expect(page).toContain(`recordingId "${shape(receiptName(id))}"`);
  });

  test("codes in every table of checks, each of which is listed under Errors", () => {
    const listed = new Set(table("code", "meaning").map(([code]) => code as ErrorCode));
    const checks: readonly (readonly string[])[] = [
      ["step", "check", "fails with"],
      ["step", "check of an identity file", "fails with"],
      ["step", "check of a page", "fails with"],
      ["step", "check of a manifest", "fails with"],
      ["step", "check of a segment without an entry", "fails with"],
      ["step", "check of an excerpt", "fails with"],
      ["step", "check of a receipt", "fails with"],
      ["step", "check of a request", "fails with"],
      ["step", "check of a grant", "fails with"],
      ["step", "check of a share", "fails with"],
    ];
    for (const columns of checks) {
      const rows = table(...columns);
      const numbered = rows.map(([step]) => step).filter((step) => step !== "");
      expect(numbered).toEqual(numbered.map((_, i) => String(i + 1)));
      const codes = rows.flatMap((row) => row[2]!.split(", ")).filter((code) => code !== "as there");
      for (const code of codes) expect(listed, `${columns[1]}: ${code}`).toContain(code);
    }
  });

  test("labels: every one that the code uses is listed", () => {
    const [, paragraph] = /The labels of this version are ([\s\S]*?)\n\n/.exec(page)!;
    const listed = [...paragraph!.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
    expect(new Set(listed).size).toBe(listed.length);
    const sources = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".ts"),
    );
    const used = sources.flatMap((file) => {
      const source = readFileSync(new URL(file, SRC), "utf8");
      return [...source.matchAll(/(?:\blabel\(|taggedHash\(\w+, )"([^"]+)"/g)].map(([, name]) => name!);
    });
    expect(used.length).toBeGreaterThan(15);
    for (const name of used) expect(listed).toContain(name);
    for (const name of listed) expect(name).toMatch(/^[a-z0-9 ]+$/);
  });

  test("states of a verdict, worst first", () => {
    const states = table("state", "when").map(([state]) => state);
    expect(states).toEqual(["altered", "truncated", "unfinished", "interrupted", "complete"]);
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
