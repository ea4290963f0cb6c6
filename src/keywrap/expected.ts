import { BlindreelError, wrongType } from "../errors.js";
import type { Check } from "../formats/options.js";

/** A full thumbprint, 64 lowercase hex digits. */
export const thumbprintArgument: Check<string> = (name, value) => {
  if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) return value;
  throw wrongType(name, "a thumbprint of 64 lowercase hex digits", value);
};

/** The key, where it is the one expected. @throws BlindreelError `unexpected-identity`. */
export function checkExpected<K extends { readonly thumbprint: string }>(key: K, expected: string): K {
  const { thumbprint: actual } = key;
  if (actual === expected) return key;
  const message = "this key is not the one that was expected: another was put in its place";
  throw new BlindreelError("unexpected-identity", message, { expected, actual });
}
