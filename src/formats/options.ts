import { outOfRange, wrongType } from "../errors.js";
import { dateTime, isRoot } from "./brand.js";

/** Checks a caller's value; returns it or a copy. `name` is for errors. @throws TypeError, RangeError. */
export type Check<T> = (name: string, value: unknown) => T;

/** A check for every member of an options interface: a missing one does not compile. */
export type Checks<T extends object> = { readonly [K in keyof T]-?: Check<Exclude<T[K], undefined>> };

/**
 * Reads and checks a caller's options at the call: every known member exactly once, own or inherited.
 * Undefined members are omitted, and so are members of `Object.prototype`. Later changes by the caller, and
 * getters with varying results, have no effect.
 *
 * @param name of the argument, for errors.
 * @param required members whose checks run on undefined too; without any, `given` may be undefined.
 * @returns a new object without prototype, with every known member: a copy of it, however made, takes none from a polluted
 *   `Object.prototype`.
 * @throws TypeError for other types, and for an unknown member by its name, so that a misspelt option is
 *   never ignored; errors of the checks.
 */
export function readOptions<T extends object>(
  name: string,
  given: unknown,
  checks: Checks<T>,
  required: readonly (keyof T & string)[] = [],
): T {
  const read: Record<string, unknown> = Object.create(null);
  const known = Object.keys(checks);
  for (const member of known) read[member] = undefined;
  if (given === undefined && required.length === 0) return read as T;
  const object = optionsObject(name, given);
  for (const member in object) {
    if (!known.includes(member) && isFromCaller(object, member)) {
      throw wrongType(`${name}.${member}`, `left out: there is only ${known.join(", ")}`);
    }
  }
  for (const member of known) {
    const value = (object as Record<string, unknown>)[member];
    const isMissing = value === undefined || !isFromCaller(object, member);
    if (isMissing && !required.includes(member as keyof T & string)) continue;
    const check = checks[member as keyof T] as Check<unknown>;
    read[member] = check(`${name}.${member}`, isMissing ? undefined : value);
  }
  return read as T;
}

/** Options that were read, with values for those that are undefined. */
export function withDefaults<T extends object, D extends Partial<T>>(
  options: T,
  defaults: D,
): Omit<T, keyof D> & Required<Pick<T, keyof D & keyof T>> {
  const merged: Record<string, unknown> = Object.assign(Object.create(null), options);
  for (const [member, value] of Object.entries(defaults)) merged[member] ??= value;
  return merged as Omit<T, keyof D> & Required<Pick<T, keyof D & keyof T>>;
}

/** @throws TypeError for null, arrays, functions and collections. */
function optionsObject(name: string, given: unknown): object {
  // By `Symbol.toStringTag`: class instances, module namespaces and proxies of objects pass.
  if (/ (Object|Module)]$/.test(Object.prototype.toString.call(given))) return given as object;
  throw wrongType(name, "an object of options", given);
}

/** Whether a present member is the caller's (a proxy's too), not inherited from `Object.prototype`. */
export function isFromCaller(object: object, member: string): boolean {
  for (let at: object | null = object; at; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, member)) return !isRoot(at);
  }
  return true;
}

/** For members that their user checks before the call returns. */
// biome-ignore lint/suspicious/noExplicitAny: a value of any type.
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

// biome-ignore lint/suspicious/noExplicitAny: a function of any arguments.
export const functionArgument: Check<any> = (name, value) => {
  if (typeof value !== "function") throw wrongType(name, "a function", value);
  return value;
};

/** What `for await` goes through; its items are their user's to check. */
// biome-ignore lint/suspicious/noExplicitAny: of items of any type.
export const iterableArgument: Check<any> = (name, value) => {
  const { [Symbol.asyncIterator]: isAsync, [Symbol.iterator]: isSync } = Object(value);
  if (typeof (isAsync ?? isSync) === "function") return value;
  throw wrongType(name, "iterable, asynchronously or not", value);
};

/** Copies, since a `Date` is mutable. @throws TypeError; RangeError for an invalid date. */
export const dateArgument: Check<Date> = (name, value) => {
  const time = dateTime(value);
  if (time === undefined) throw wrongType(name, "a Date", value);
  if (Number.isNaN(time)) throw outOfRange(name, "a valid date", "Invalid Date");
  return new Date(time);
};

/** A platform signal for each foreign one: `AbortSignal.any` and `fetch` accept no other. */
const platformSignals = /* @__PURE__ */ new WeakMap<object, AbortSignal>();

/** An `AbortSignal`, also of another realm or a polyfill. */
export const signalArgument: Check<AbortSignal> = (name, value) => {
  if (value instanceof AbortSignal) return value;
  const foreign = value as AbortSignal | null;
  const isSignal = typeof foreign === "object" && typeof foreign?.aborted === "boolean";
  if (!isSignal || typeof foreign.addEventListener !== "function")
    throw wrongType(name, "an AbortSignal", value);
  let signal = platformSignals.get(foreign);
  if (!signal) {
    const controller = new AbortController();
    signal = controller.signal;
    const abort = (): void => controller.abort(foreign.reason);
    if (foreign.aborted) abort();
    else foreign.addEventListener("abort", abort, { once: true });
    platformSignals.set(foreign, signal);
  }
  return signal;
};
