import { outOfRange, wrongType } from "../errors.js";

/** With the `u` flag a surrogate pair is one code point and no surrogate. */
export function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

/**
 * Checks a caller's text at the call: a lone surrogate has no UTF-8, and encoders replace it by U+FFFD
 * without an error.
 *
 * @param name of the argument, for errors.
 * @throws TypeError; RangeError for a lone surrogate.
 */
export function wellFormedText(name: string, value: unknown): string {
  if (typeof value !== "string") throw wrongType(name, "a string", value);
  if (hasLoneSurrogate(value)) throw outOfRange(name, "well-formed text", "half of a surrogate pair");
  return value;
}
