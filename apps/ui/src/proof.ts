import { isBlindreelError } from "blindreel/errors";
import {
  type ExcerptSegment,
  type OpenedExcerpt,
  type OpenedReceipt,
  openExcerpt,
  openReceipt,
} from "blindreel/review";
import { Problem } from "./problems.js";
import type { ProblemKind } from "./strings.js";

/** Receipts and excerpts: what anybody can check without a key. */

export type Proof = OpenedReceipt | OpenedExcerpt;

export const isExcerpt = (proof: Proof): proof is OpenedExcerpt => "segments" in proof;

/** How files begin that are mistaken for proofs. */
const MISTAKEN: readonly (readonly [RegExp, ProblemKind])[] = [
  [/^BLRX/, "damaged-proof"],
  [/^(BLINDREEL|BLRG)/, "sealed-file"],
  // WebM; MP4.
  [/^(.Eß£|.{4}ftyp)/s, "video-file"],
];

/**
 * @param coreHash announced when the exam began; empty where it is not known.
 * @throws Problem for a file that is none, or damaged; BlindreelError as `openReceipt` and `openExcerpt`.
 */
export async function openProof(bytes: Uint8Array, coreHash: string): Promise<Proof> {
  const options = announced(coreHash);
  const isMalformed = (error: unknown): boolean => isBlindreelError(error) && error.code === "malformed";
  try {
    return await openReceipt(bytes, options);
  } catch (error) {
    if (!isMalformed(error)) throw error;
  }
  try {
    return await openExcerpt(bytes, options);
  } catch (error) {
    if (!isMalformed(error)) throw error;
    const begins = String.fromCharCode(...bytes.subarray(0, 12));
    const kind = MISTAKEN.find(([pattern]) => pattern.test(begins))?.[1] ?? "no-proof";
    throw new Problem(kind, (error as Error).message);
  }
}

/** @throws Problem `bad-core-hash`. */
export function announced(coreHash: string): { readonly expected?: { readonly coreHash: string } } {
  if (!coreHash) return {};
  if (!/^[0-9a-f]{64}$/i.test(coreHash)) throw new Problem("bad-core-hash");
  return { expected: { coreHash: coreHash.toLowerCase() } };
}

/** Segments that follow on each other, in milliseconds since 1970. */
export interface ProofPart {
  readonly from: number;
  readonly to: number;
  /** How many are left out between the part before and this one. */
  readonly leftOut: number;
  /** Whether a crash or a deadline took its end. */
  readonly isCut: boolean;
}

export function partsOf({ segments }: Pick<OpenedExcerpt, "segments">): ProofPart[] {
  const follows = ({ index }: ExcerptSegment, i: number): boolean => segments[i - 1]?.index === index - 1;
  const begins = segments.filter((each, i) => !follows(each, i));
  const ends = segments.filter((_, i) => !segments[i + 1] || !follows(segments[i + 1]!, i + 1));
  return begins.map((first, i) => {
    const last = ends[i]!;
    return {
      from: first.time.getTime(),
      to: last.time.getTime() + (last.points.at(-1)?.time ?? 0),
      leftOut: first.index - (ends[i - 1]?.index ?? -1) - 1,
      isCut: last.end === "cut",
    };
  });
}
