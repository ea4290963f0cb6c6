import { BlindreelError } from "../errors.js";
import type { Structure } from "../server/structure.js";
import type { CheckName, OpacityFinding } from "./findings.js";
import type { ExposedField } from "./public-fields.js";

/** Everything that the checks say of one object. */
export interface OpacityReport {
  readonly isOpaque: boolean;
  /** Undefined where it is none of the format's objects. */
  readonly structure: Structure | undefined;
  /** The first 64, of one check the first 8. */
  readonly findings: readonly OpacityFinding[];
  readonly findingCount: number;
  /** Checks that this runtime cannot run: `compressed` needs `node:zlib`. */
  readonly skipped: readonly CheckName[];
  /** Exactly what a server learns from the bytes; empty where they are none of our objects. */
  readonly exposed: readonly ExposedField[];
  readonly length: number;
}

const ROW = 16;

/** Rows of offset, hex and characters; rows with bytes of the marked range have a bracket in front. */
export function hexdump(bytes: Uint8Array, base: number, markedFrom: number, markedTo: number): string {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += ROW) {
    const row = Array.from(bytes.subarray(at, at + ROW));
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    const isMarked = base + at < markedTo && base + at + row.length > markedFrom;
    const offset = (base + at).toString(16).padStart(8, "0");
    rows.push(`${isMarked ? ">" : " "} ${offset}  ${hex.padEnd(3 * ROW - 1)}  ${text}`);
  }
  return rows.join("\n");
}

/** Findings that a message shows with their bytes. */
const SHOWN = 4;

/** A finding in one line. */
export function findingLine({ check, offset, reason }: OpacityFinding): string {
  return `${check} at byte ${offset}: ${reason}`;
}

/** With the bytes in question, in context. A canary among them is the caller's own text. */
export function findingText(finding: OpacityFinding): string {
  const { context, contextOffset, offset, length } = finding;
  const dump = context.length === 0 ? "" : `\n${hexdump(context, contextOffset, offset, offset + length)}`;
  return findingLine(finding) + dump;
}

/** Several findings, the first with their bytes. */
export function findingsText(findings: readonly OpacityFinding[], count: number): string {
  const more = count - Math.min(SHOWN, findings.length);
  const rest = more > 0 ? [`and ${more} more`] : [];
  return [...findings.slice(0, SHOWN).map(findingText), ...rest].join("\n");
}

export function notOpaque(
  what: string,
  findings: readonly OpacityFinding[],
  count: number,
): BlindreelError<"not-opaque"> {
  return new BlindreelError("not-opaque", `${what}: ${findingsText(findings, count)}`, { findings });
}
