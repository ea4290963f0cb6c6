import { outOfRange, wrongType } from "../errors.js";

/**
 * Checks a caller's text, at the call: half of a surrogate pair has no UTF-8, and encoders write U+FFFD in its place
 * without a word.
 *
 * @param name of the argument, for the error.
 * @throws TypeError for what is no string; RangeError for half of a pair.
 */
export function wellFormedText(name: string, value: unknown): string {
  if (typeof value !== "string") throw wrongType(name, "a string", value);
  // With the flag, a pair is one character and no surrogate.
  if (/\p{Surrogate}/u.test(value)) throw outOfRange(name, "well-formed text", "half of a surrogate pair");
  return value;
}
