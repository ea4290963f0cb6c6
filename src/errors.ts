/**
 * The SDK's errors (format-v1, "Errors"). Callers branch on {@link BlindreelError.code}, whose meaning is
 * stable across versions; messages may change.
 *
 * Invalid arguments are platform classes with a `code`: `TypeError` with `"wrong-type"`, `RangeError` with
 * `"out-of-range"`.
 */

/** Type of `details` for each code. */
export interface ErrorDetails {
  /** The bytes do not start with the envelope's magic. */
  "not-an-envelope": undefined;
  /** Another format version than this release reads. */
  "unsupported-version": { readonly version: number };
  /** Unknown suite, flag, kind or sender type. Refused, never negotiated. */
  "unsupported-algorithm": undefined;
  /** An envelope of another kind than expected. */
  "wrong-kind": undefined;
  /** The encoding breaks a rule of the format, `offset` bytes into the object. */
  malformed: { readonly offset: number };
  /** Missing bytes, evident from lengths alone; the input ends at byte `offset`. */
  truncated: { readonly offset: number };
  /** A size or count above its ceiling, refused before allocation. */
  "limit-exceeded": { readonly limit: number; readonly actual: number };
  /** No identity matches a slot. No sign of damage. */
  "no-matching-key": { readonly sealedTo: readonly string[] };
  /** A key, tag, MAC, commitment or padding does not fit. One message for all. */
  "authentication-failed": undefined;
  /** The policy's expiry has passed. */
  expired: { readonly expiredAt: Date };
  /** The envelope's epoch is below `minEpoch`: an older recipient list. */
  "stale-epoch": { readonly epoch: number; readonly minEpoch: number };
  /** A key of a wrong format, curve or length, private instead of public, or weak. */
  "invalid-key": undefined;
  /** A recipient list against the format or the policy. */
  "invalid-recipients": undefined;
  /** A manifest, page, segment or journal of another recording. */
  "wrong-recording": undefined;
  /** coreHash differs from the announced one: a substituted recording. */
  "unexpected-recording": { readonly expected: string; readonly actual: string };
  /** The newest stored manifest is older than the caller's `minSequence`. */
  "stale-manifest": { readonly sequence: number | undefined; readonly minSequence: number };
  /** The recording has no track of this name. */
  "unknown-track": { readonly tracks: readonly string[] };
  /** JSON that is not strict and canonical, or metadata without such a form. */
  "invalid-json": undefined;
  /** A stream, source or writer used after its end, failure or close. */
  closed: undefined;
  /** The random source failed, or returned a wrong length or zeros. */
  "bad-random": undefined;
  /** The runtime lacks an operation that has no fallback. */
  "unsupported-runtime": { readonly operation: string };
  /** The platform's cryptography returned an impossible result (a wrong length, no key). */
  "provider-fault": undefined;
  /** A byte source's failure (network, HTTP status, short read). */
  "source-failed": undefined;
  /** Bytes that reveal something to a server, or are no object of the format: findings with offsets. */
  "not-opaque": {
    readonly findings: readonly {
      readonly check: string;
      readonly offset: number;
      readonly length: number;
      readonly reason: string;
    }[];
  };
  /** The object behind a byte source changed between two reads. */
  "source-changed": undefined;
  /** The journal's storage, or the browser's quota, is full. */
  "storage-full": undefined;
  /** Any other failure of the journal's storage. */
  "storage-failed": undefined;
  /** A journal, or a part of it, is missing: erased, or evicted by the browser. */
  "journal-lost": undefined;
  /** A journal's content differs from what was written. */
  "journal-damaged": undefined;
  /** Another tab, worker or process holds the journal; `aliveAt` is its last sign of life, where known. */
  "journal-in-use": { readonly aliveAt: Date | undefined };
  /** More written than sealed and stored in time; the refused piece is not taken, in whole or in part. */
  "queue-full": { readonly limit: number };
  /** Thrown by an upload's `put`: the server refuses this object for good. */
  "upload-refused": undefined;
}

/** The stable codes. */
export type ErrorCode = keyof ErrorDetails;

/** The union over all codes: checking `code` narrows `details`. */
export type AnyBlindreelError = { [C in ErrorCode]: BlindreelError<C> }[ErrorCode];

const BRAND = Symbol.for("blindreel.error");

/**
 * The base class. `code` types `details`; `cause` is the platform's error, where that reveals nothing.
 *
 * @category Everyone
 */
export class BlindreelError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "BlindreelError";
  readonly code: C;
  readonly details: ErrorDetails[C];

  constructor(code: C, message: string, details: ErrorDetails[C], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/**
 * Whether `value` is an error of this SDK, of any copy: an application and its extension may each bundle one,
 * so `instanceof` is not enough.
 * @category Everyone
 */
export function isBlindreelError(value: unknown): value is AnyBlindreelError {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

/** One message for every failed tag, MAC, commitment and unwrapping, so that they are indistinguishable. */
export const AUTHENTICATION_FAILED = "authentication failed: the key does not fit, or the data was altered";

/** The only authentication failure, without a `cause`. */
export function authenticationFailed(): BlindreelError<"authentication-failed"> {
  return new BlindreelError("authentication-failed", AUTHENTICATION_FAILED, undefined);
}

export function malformed(message: string, offset: number): BlindreelError<"malformed"> {
  return new BlindreelError("malformed", `${message} (at byte ${offset})`, { offset });
}

export function truncated(what: string, offset: number): BlindreelError<"truncated"> {
  return new BlindreelError("truncated", `${what} is cut off: it ends at byte ${offset}`, { offset });
}

export function limitExceeded(what: string, limit: number, actual: number): BlindreelError<"limit-exceeded"> {
  return new BlindreelError("limit-exceeded", `${what} is ${actual}, above the ceiling of ${limit}`, {
    limit,
    actual,
  });
}

/** A value outside a closed list of the format. */
export function unsupportedAlgorithm(what: string, value: number): BlindreelError<"unsupported-algorithm"> {
  const message = `${what} 0x${value.toString(16)}, which this version does not know`;
  return new BlindreelError("unsupported-algorithm", message, undefined);
}

export function invalidKey(message: string, options?: ErrorOptions): BlindreelError<"invalid-key"> {
  return new BlindreelError("invalid-key", message, undefined, options);
}

export function providerFault(message: string): BlindreelError<"provider-fault"> {
  return new BlindreelError("provider-fault", message, undefined);
}

export function invalidRecipients(message: string): BlindreelError<"invalid-recipients"> {
  return new BlindreelError("invalid-recipients", message, undefined);
}

export function closedError(what: string): BlindreelError<"closed"> {
  return new BlindreelError("closed", `${what} is already finished or closed`, undefined);
}

/** A `TypeError` with code `"wrong-type"`. Without `actual` the message ends after the expectation. */
export function wrongType(name: string, expected: string, ...actual: readonly [unknown?]): TypeError {
  const got = actual.length > 0 ? `, got ${describe(actual[0])}` : "";
  return Object.assign(new TypeError(`${name} must be ${expected}${got}`), { code: "wrong-type" as const });
}

/** A `RangeError` with code `"out-of-range"`, for a wrong size or value. */
export function outOfRange(name: string, expected: string, actual: unknown): RangeError {
  const got = typeof actual === "number" || typeof actual === "string" ? actual : describe(actual);
  return Object.assign(new RangeError(`${name} must be ${expected}, got ${got}`), {
    code: "out-of-range" as const,
  });
}

/** A value's type, never its content: it may be a key. */
function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" ? name : "object";
}
