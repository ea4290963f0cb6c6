import { BlindreelError } from "../errors.js";
import type { Finding } from "./findings.js";
import { hexdump } from "./hexdump.js";
import type { ExposedField } from "./public-fields.js";
import type { Structure } from "./structure.js";

/** Everything that the checks say of one object. */
export interface OpacityReport {
  readonly isOpaque: boolean;
  /** Undefined where it is none of the format's objects. */
  readonly structure: Structure | undefined;
  /** The first 64, of one check the first 8. */
  readonly findings: readonly Finding[];
  readonly findingCount: number;
  /** Exactly what a server learns from the bytes; empty where they are none of our objects. */
  readonly exposed: readonly ExposedField[];
  readonly length: number;
}

/** Findings that a message shows with their bytes. */
const SHOWN = 4;

/** A finding in one line. */
export function findingLine({ check, offset, reason }: Finding): string {
  return `${check} at byte ${offset}: ${reason}`;
}

/** With the bytes in question, in context. A canary among them is the caller's own text. */
export function findingText(finding: Finding): string {
  const { context, contextOffset, offset, length } = finding;
  const dump = context.length === 0 ? "" : `\n${hexdump(context, contextOffset, offset, offset + length)}`;
  return findingLine(finding) + dump;
}

/** Several findings, the first with their bytes. */
export function findingsText(findings: readonly Finding[], count: number): string {
  const more = count - Math.min(SHOWN, findings.length);
  const rest = more > 0 ? [`and ${more} more`] : [];
  return [...findings.slice(0, SHOWN).map(findingText), ...rest].join("\n");
}

export function notOpaque(
  what: string,
  findings: readonly Finding[],
  count: number,
): BlindreelError<"not-opaque"> {
  return new BlindreelError("not-opaque", `${what}: ${findingsText(findings, count)}`, { findings });
}
