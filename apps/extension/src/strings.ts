import strings from "./strings.json" with { type: "json" };

/** Every word of the extension is in `strings.json`: translators need that file alone. */

export const TEXT = strings.text;
export const CONSENT = strings.consent;
export const DEVICE_NAMES = strings.devices;
export const PHASES = strings.phases;
export const PROBLEMS = strings.problems;
export type ProblemKind = keyof typeof PROBLEMS;
/** By permission, or what else the manifest allows. */
export const PERMISSIONS: Readonly<Record<string, string>> = strings.permissions;
/** What the browser asks the test taker for, by device. */
export const PROMPTS = strings.prompts;
