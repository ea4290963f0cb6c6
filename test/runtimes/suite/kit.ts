import { type ErrorCode, isBlindreelError } from "blindreel";
import { defaultProvider } from "blindreel/crypto";
import { encodeHex } from "../../../src/formats/encoding.js";

/**
 * The conformance suite's own few words: it runs in every runtime under that runtime's own runner, in workers and in
 * extensions, where no test library is.
 */

/** One test. It passes when `run` resolves. */
export interface Case {
  readonly name: string;
  run(host: Host): Promise<void>;
}

/** What a case needs from where it runs. */
export interface Host {
  /** Names this runtime among the others: `node-22`, `firefox`, `chromium service worker`. */
  readonly name: string;
  /** The data server's address, without a slash at the end. */
  readonly origin: string;
}

function show(value: unknown): string {
  return value instanceof Uint8Array ? `${value.length} bytes` : JSON.stringify(value);
}

/** Values of JSON, compared as such. */
export function equal(actual: unknown, expected: unknown, what = "value"): void {
  const [shownActual, shownExpected] = [show(actual), show(expected)];
  if (shownActual !== shownExpected) {
    throw new Error(`${what}: expected ${shownExpected}, got ${shownActual}`);
  }
}

export function isTrue(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

export function sameBytes(actual: Uint8Array, expected: Uint8Array, what = "bytes"): void {
  equal(actual.length, expected.length, `length of ${what}`);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  if (at >= 0) throw new Error(`${what}: differ first at byte ${at}`);
}

/** What `action` throws or rejects with; an error of the test where it does neither. */
export async function caught(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error("expected an error, but nothing was thrown");
}

/** The code of one of the SDK's errors, or of an argument's TypeError or RangeError. Anything else is rethrown. */
export function codeOf(error: unknown): string {
  if (isBlindreelError(error)) {
    // One message, no details, no cause: nothing tells one failure from another.
    if (error.code === "authentication-failed") {
      equal([error.details, error.cause], [undefined, undefined], "details and cause");
      equal(error.message, "authentication failed: the key does not fit, or the data was altered");
    }
    return error.code;
  }
  const { code } = error as { code?: unknown };
  const isArgument = error instanceof TypeError || error instanceof RangeError;
  if (isArgument && (code === "wrong-type" || code === "out-of-range")) return code;
  throw error;
}

/** Fails unless `action` fails with exactly this code. */
export async function fails(
  action: () => unknown,
  code: ErrorCode | "wrong-type" | "out-of-range",
  what = "code",
): Promise<unknown> {
  const error = await caught(action);
  equal(codeOf(error), code, what);
  return error;
}

/** Fails unless `action` fails with this very value. */
export async function failsWith(action: () => unknown, reason: unknown, what = "reason"): Promise<void> {
  const error = await caught(action);
  if (error !== reason) throw new Error(`${what}: failed with something else`, { cause: error });
}

/** Fails instead of hanging. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not settle within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** By the runtime where it has WebCrypto, else by the provider under test, whose hashes are tested first. */
export async function sha(hash: "SHA-256" | "SHA-512", bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { subtle } = globalThis.crypto;
  if (subtle) return encodeHex(new Uint8Array(await subtle.digest(hash, bytes)));
  return encodeHex(await defaultProvider().digest(hash, bytes));
}
