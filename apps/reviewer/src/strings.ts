import type { PlayerGapCause } from "blindreel/player";
import type { GapCause, LossReport, RecordingState } from "blindreel/review";
import strings from "./strings.json" with { type: "json" };

/** Every word of the page is in `strings.json`: translators need that file alone. */

export const TEXT = strings.text;
export const FINDING = strings.finding;
export const VERDICTS: Readonly<Record<RecordingState, Record<"means" | "say" | "not", string>>> =
  strings.verdicts;
export const GAPS: Readonly<Record<GapCause, string>> = strings.gaps;
export const PLAYED: Readonly<Record<PlayerGapCause, string>> = strings.played;
export const LOSSES: Readonly<Record<LossReport["what"], string>> = strings.losses;

/** By `code activity`, `code reason`, or code. */
export const SENTENCES: Readonly<Record<string, string>> = strings.errors;
export const TROUBLES = strings.troubles;
export type NetworkTrouble = keyof typeof TROUBLES;
export const PROBLEMS = strings.problems;
export type ProblemKind = keyof typeof PROBLEMS;
