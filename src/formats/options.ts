import { outOfRange, wrongType } from "../errors.js";
import { isRoot, timeOf } from "./brand.js";

/** Makes of a caller's value what the option is to hold. @param name for its error. @throws TypeError, RangeError. */
export type Check<T> = (name: string, value: unknown) => T;

/** One for every member of an interface of options: an option that is forgotten here does not compile. */
export type Checks<T extends object> = { readonly [K in keyof T]-?: Check<Exclude<T[K], undefined>> };

/**
 * Reads a caller's options, once, at the call: every known member exactly once, whether own or inherited, and checked;
 * one that is undefined counts as left out. What the caller changes afterwards, or answers a second time, does not
 * count. What stands on `Object.prototype` is not the caller's.
 *
 * @param name of the argument, for errors.
 * @param required members whose checks run though they are missing; without any, all options may be left out.
 * @returns an object of its own, without a prototype.
 * @throws TypeError for what is no object of options, and for a member that there is not, by name: a misspelt demand is
 *   never dropped; what the checks throw.
 */
export function readOptions<T extends object>(
  name: string,
  given: unknown,
  checks: Checks<T>,
  required: readonly (keyof T & string)[] = [],
): T {
  const read: Record<string, unknown> = Object.create(null);
  if (given === undefined && required.length === 0) return read as T;
  const object = optionsObject(name, given);
  const known = Object.keys(checks);
  for (const member in object) {
    if (!known.includes(member) && isCallers(object, member)) {
      throw wrongType(`${name}.${member}`, `left out: there is only ${known.join(", ")}`);
    }
  }
  for (const member of known) {
    const value = (object as Record<string, unknown>)[member];
    const isMissing = value === undefined || !isCallers(object, member);
    if (isMissing && !required.includes(member as keyof T & string)) continue;
    const check = checks[member as keyof T] as Check<unknown>;
    read[member] = check(`${name}.${member}`, isMissing ? undefined : value);
  }
  return read as T;
}

/** @throws TypeError for a Map, an array, a function: whatever holds something else than members. */
function optionsObject(name: string, given: unknown): object {
  // A proxy's tag is its target's; null has another one, and so has all that holds something else than members.
  if (/ (Object|Module)]$/.test(Object.prototype.toString.call(given))) return given as object;
  throw wrongType(name, "an object of options", given);
}

/** Whether a member that is there is there by the caller's doing, as what a proxy answers is. */
function isCallers(object: object, member: string): boolean {
  for (let at: object | null = object; at; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, member)) return !isRoot(at);
  }
  return true;
}

/** For what is checked where it is used, which is before the call returns. */
// biome-ignore lint/suspicious/noExplicitAny: it stands for any type.
export const asGiven: Check<any> = (_name, value) => value;

export const flagArgument: Check<boolean> = (name, value) => {
  if (typeof value !== "boolean") throw wrongType(name, "true or false", value);
  return value;
};

/** An integer from 0 to 2^53 - 1. */
export const countArgument: Check<number> = (name, value) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw outOfRange(name, "an integer of 0 or more", value);
  }
  return value as number;
};

// biome-ignore lint/suspicious/noExplicitAny: the caller's function, of whatever arguments.
export const functionArgument: Check<any> = (name, value) => {
  if (typeof value !== "function") throw wrongType(name, "a function", value);
  return value;
};

/** A copy: a `Date` can be set. @throws TypeError for no date, RangeError for an invalid one. */
export const dateArgument: Check<Date> = (name, value) => {
  const time = timeOf(value);
  if (time === undefined) throw wrongType(name, "a Date", value);
  if (Number.isNaN(time)) throw outOfRange(name, "a valid date", "Invalid Date");
  return new Date(time);
};

/** Ours for signals that are not: the platform's `AbortSignal.any` and `fetch` take none but its own. */
const followers = /* @__PURE__ */ new WeakMap<object, AbortSignal>();

/** An `AbortSignal`, also of another realm or of a polyfill. */
export const signalArgument: Check<AbortSignal> = (name, value) => {
  if (value instanceof AbortSignal) return value;
  const foreign = value as AbortSignal | null;
  const isSignal = typeof foreign === "object" && typeof foreign?.aborted === "boolean";
  if (!isSignal || typeof foreign.addEventListener !== "function")
    throw wrongType(name, "an AbortSignal", value);
  let own = followers.get(foreign);
  if (!own) {
    const controller = new AbortController();
    own = controller.signal;
    const follow = (): void => controller.abort(foreign.reason);
    if (foreign.aborted) follow();
    else foreign.addEventListener("abort", follow, { once: true });
    followers.set(foreign, own);
  }
  return own;
};
