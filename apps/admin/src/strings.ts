import type { Access } from "blindreel/keyset";
import { TEXT as SHARED } from "blindreel-ui/strings";
import strings from "./strings.json" with { type: "json" };

export const TEXT = { ...SHARED, ...strings.text };
/** Kinds of access. */
export const KINDS: Readonly<Record<Exclude<Access["kind"], "grant">, string>> = strings.kinds;
/** Why honest software does not open by it. */
export const REFUSED: Readonly<Record<NonNullable<Access["refused"]>, string>> = strings.refused;
