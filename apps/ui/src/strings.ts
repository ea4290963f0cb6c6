import strings from "./strings.json" with { type: "json" };

/** Words that pages share. Each page has others in its own `strings.json`: translators need these files alone. */

export const TEXT = strings.text;

/** By `code activity`, `code reason`, or code. */
export const SENTENCES: Readonly<Record<string, string>> = strings.errors;
export const TROUBLES = strings.troubles;
export type NetworkTrouble = keyof typeof TROUBLES;
export const PROBLEMS = strings.problems;
export type ProblemKind = keyof typeof PROBLEMS;
