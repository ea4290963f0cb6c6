/**
 * Every error the SDK raises on purpose. Callers branch on {@link BlindreelError.code}, which never changes
 * its meaning between versions; messages are for people and may be reworded.
 *
 * Mistakes in the call itself are the platform's own classes, also with a `code`: `TypeError` with
 * `"wrong-type"` and `RangeError` with `"out-of-range"`.
 */

/** What each code carries in `details`, beside the message. Codes that carry nothing map to `undefined`. */
export interface ErrorDetails {
  /** The bytes do not start with the magic of the object that was expected. */
  "not-an-envelope": undefined;
  /** Written by a newer version of the format than this one understands. */
  "unsupported-version": { readonly version: number };
  /** A suite, flag, kind or sender type this version does not know. Never negotiated, always refused. */
  "unsupported-algorithm": undefined;
  /** An object of another kind than the caller asked for (a key file where a recording was expected, say). */
  "wrong-kind": undefined;
  /** The encoding breaks a rule of the format; `offset` is where, in bytes, inside the object. */
  malformed: { readonly offset: number };
  /** Lengths alone show that bytes are missing: the input ended at byte `offset`. */
  truncated: { readonly offset: number };
  /** A size or count above its ceiling; nothing was allocated for it. */
  "limit-exceeded": { readonly limit: number; readonly actual: number };
  /** None of the caller's keys is a recipient. Not a sign of damage. */
  "no-matching-key": { readonly sealedTo: readonly string[] };
  /** Some key, tag, MAC or commitment did not fit. One message whatever it was. */
  "authentication-failed": undefined;
  /** The policy's expiry has passed. */
  expired: { readonly expiredAt: Date };
  /** The envelope's epoch is lower than the caller's `minEpoch`: an older recipient list was served. */
  "stale-epoch": { readonly epoch: number; readonly minEpoch: number };
  /** A key in a wrong format, of a wrong curve or length, private where public was expected, or weak. */
  "invalid-key": undefined;
  /** A recipient list that the format or policy does not allow. */
  "invalid-recipients": undefined;
  /** A manifest, segment or journal of another recording than the one at hand. */
  "wrong-recording": undefined;
  /** The recording's coreHash is not the one that was announced: another recording was put in its place. */
  "unexpected-recording": { readonly expected: string; readonly actual: string };
  /** The newest manifest that is there is older than the one the caller knows of. */
  "stale-manifest": { readonly sequence: number | undefined; readonly minSequence: number };
  /** The recording has no track of this name. */
  "unknown-track": { readonly tracks: readonly string[] };
  /** Text that is not strict, canonical JSON, or metadata that cannot be written as such. */
  "invalid-json": undefined;
  /** A stream, source or encryptor used after its end, or after it failed or was closed. */
  closed: undefined;
  /** The random source failed, or returned too little, or zeros. */
  "bad-random": undefined;
  /** This runtime lacks an operation and no fallback exists for it. */
  "unsupported-runtime": { readonly operation: string };
  /** The platform's cryptography returned something impossible (a wrong length, or no key where one was due). */
  "provider-fault": undefined;
  /** A byte source did not deliver what was asked of it (network, HTTP status, short read). */
  "source-failed": undefined;
  /** Bytes that a server could learn from, or that are none of the format's objects: what was found, and where. */
  "not-opaque": {
    readonly findings: readonly {
      readonly check: string;
      readonly offset: number;
      readonly length: number;
      readonly reason: string;
    }[];
  };
  /** The object behind a byte source was replaced while it was being read. */
  "source-changed": undefined;
  /** The journal's storage has no room left, or the browser's quota is used up. */
  "storage-full": undefined;
  /** The journal's storage failed in another way. */
  "storage-failed": undefined;
  /** A journal, or a part of it, is not there: erased, or evicted by the browser. */
  "journal-lost": undefined;
  /** A journal holds something else than what was written to it. */
  "journal-damaged": undefined;
  /** Another tab, worker or process has the journal; `aliveAt` is when it last showed that it lives, where it does. */
  "journal-in-use": { readonly aliveAt: Date | undefined };
  /** More was written than can be sealed and stored in time; nothing of the refused piece was taken. */
  "queue-full": { readonly limit: number };
  /** Thrown by an upload's `put`: the server will never take this object. */
  "upload-refused": undefined;
}

/** The stable codes. */
export type ErrorCode = keyof ErrorDetails;

/** The union over all codes: checking `code` narrows `details`. */
export type AnyBlindreelError = { [C in ErrorCode]: BlindreelError<C> }[ErrorCode];

const BRAND = Symbol.for("blindreel.error");

/** The one base class. `details` is typed by `code`; `cause` is what the platform threw, where that is safe. */
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
 * Whether `value` is an error of this SDK, also when it comes from another copy of it (an application and its
 * extension may each bundle one, so `instanceof` is not enough).
 */
export function isBlindreelError(value: unknown): value is AnyBlindreelError {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

/** The same words for every failed tag, MAC, commitment and unwrapping, so that none can be told from another. */
export const AUTHENTICATION_FAILED = "authentication failed: the key does not fit, or the data was altered";

/** The one authentication failure. It deliberately has no cause. */
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

/** A value out of a list that only a newer format can make longer. */
export function unsupportedAlgorithm(what: string, value: number): BlindreelError<"unsupported-algorithm"> {
  const message = `${what} 0x${value.toString(16)}, which this version does not know`;
  return new BlindreelError("unsupported-algorithm", message, undefined);
}

export function invalidKey(message: string, options?: ErrorOptions): BlindreelError<"invalid-key"> {
  return new BlindreelError("invalid-key", message, undefined, options);
}

export function invalidRecipients(message: string): BlindreelError<"invalid-recipients"> {
  return new BlindreelError("invalid-recipients", message, undefined);
}

export function closedError(what: string): BlindreelError<"closed"> {
  return new BlindreelError("closed", `${what} is already finished or closed`, undefined);
}

/** An argument of a wrong type: a `TypeError` with code `"wrong-type"`. */
export function wrongType(name: string, expected: string, ...actual: readonly [unknown?]): TypeError {
  const got = actual.length > 0 ? `, got ${describe(actual[0])}` : "";
  return Object.assign(new TypeError(`${name} must be ${expected}${got}`), { code: "wrong-type" as const });
}

/** An argument of the right type and a wrong size or value: a `RangeError` with code `"out-of-range"`. */
export function outOfRange(name: string, expected: string, actual: unknown): RangeError {
  const got = typeof actual === "number" || typeof actual === "string" ? actual : describe(actual);
  return Object.assign(new RangeError(`${name} must be ${expected}, got ${got}`), {
    code: "out-of-range" as const,
  });
}

/** Names a value's type and never its contents: it may be a key. */
function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" ? name : "object";
}
