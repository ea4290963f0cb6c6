import type { PlayerGapCause } from "blindreel/player";
import type { GapCause, LossReport, RecordingState } from "blindreel/review";
import { TEXT as SHARED } from "blindreel-ui/strings";
import strings from "./strings.json" with { type: "json" };

export const TEXT = { ...SHARED, ...strings.text };
export const FINDING = strings.finding;
export const VERDICTS: Readonly<Record<RecordingState, Record<"means" | "say" | "not", string>>> =
  strings.verdicts;
export const GAPS: Readonly<Record<GapCause, string>> = strings.gaps;
export const PLAYED: Readonly<Record<PlayerGapCause, string>> = strings.played;
export const LOSSES: Readonly<Record<LossReport["what"], string>> = strings.losses;
