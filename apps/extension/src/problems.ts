import { isBlindreelError } from "blindreel/errors";
import { PROBLEMS, type ProblemKind } from "./strings.js";

export type { ProblemKind } from "./strings.js";

/** What went wrong, as a key of the sentences in `strings.json`. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly kind: ProblemKind;
  /** For support. */
  readonly detail: string;

  constructor(kind: ProblemKind, detail = "") {
    super(kind);
    this.kind = kind;
    this.detail = detail;
  }
}

export const isKind = (text: string): text is ProblemKind => text in PROBLEMS;

/** Of any failure. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  if (!isBlindreelError(error)) return new Problem("unexpected", detail);
  if (error.code === "storage-full") return new Problem("disk-full", detail);
  if (error.code === "storage-failed") return new Problem("disk-failed", detail);
  if (error.code !== "keyset-refused") return new Problem("unexpected", `${error.code}: ${detail}`);
  const reason = (error.details as { readonly reason: string }).reason;
  return new Problem(TIMES.includes(reason) ? "keyset-time" : "keyset-refused", `${reason}: ${detail}`);
}

/** Reasons that a wrong clock has, too. */
const TIMES: readonly string[] = ["expired", "issued-ahead"];
