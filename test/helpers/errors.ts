import { expect } from "vitest";
import { AUTHENTICATION_FAILED, BlindreelError, type ErrorCode, isBlindreelError } from "../../src/errors.js";

const NOTHING = Symbol("nothing was thrown");

/** What `action` throws or rejects with. A test error where it does neither. */
export async function caught(action: () => unknown): Promise<unknown> {
  let error: unknown = NOTHING;
  try {
    await action();
  } catch (thrown) {
    error = thrown;
  }
  if (error === NOTHING) throw new Error("expected an error, but nothing was thrown");
  return error;
}

/** Asserts the exact class and code of an error that was caught already. */
export function expectErrorCode<C extends ErrorCode>(error: unknown, code: C): BlindreelError<C> {
  if (!(error instanceof BlindreelError)) {
    throw new Error(`expected a BlindreelError ${code}`, { cause: error });
  }
  expect(error.code).toBe(code);
  expect(isBlindreelError(error)).toBe(true);
  if (code === "authentication-failed") {
    // One message, no details, no cause: nothing tells one failure from another.
    expect(error.message).toBe(AUTHENTICATION_FAILED);
    expect(error.details).toBeUndefined();
    expect(error.cause).toBeUndefined();
  }
  return error as BlindreelError<C>;
}

/** Asserts that `action` fails with a BlindreelError of exactly this code, and returns it. */
export async function expectCode<C extends ErrorCode>(
  action: () => unknown,
  code: C,
): Promise<BlindreelError<C>> {
  return expectErrorCode(await caught(action), code);
}

/** Asserts a TypeError with code "wrong-type". */
export async function expectWrongType(action: () => unknown): Promise<TypeError> {
  const error = await caught(action);
  expect(error).toBeInstanceOf(TypeError);
  expect((error as { code?: unknown }).code).toBe("wrong-type");
  return error as TypeError;
}

/** Asserts a RangeError with code "out-of-range". */
export async function expectOutOfRange(action: () => unknown): Promise<RangeError> {
  const error = await caught(action);
  expect(error).toBeInstanceOf(RangeError);
  expect((error as { code?: unknown }).code).toBe("out-of-range");
  return error as RangeError;
}
