/**
 * The SDK's errors (format-v1, "Errors"). Callers branch on {@link BlindreelError.code}, whose meaning is
 * stable across versions; messages may change.
 *
 * Invalid arguments are platform classes with a `code`: `TypeError` with `"wrong-type"`, `RangeError` with
 * `"out-of-range"`.
 */

/** Why a signed statement is refused. */
export type StatementFault =
  /** The key that the header names is another than the expected one. */
  | "wrong-signer"
  /** The signature is not of that key. */
  | "bad-signature"
  | "other-institution"
  /** Issued more than ten minutes ahead of the clock here. */
  | "issued-ahead";

/** Why a statement with an end and a number is refused. */
export type DirectoryFault =
  | StatementFault
  | "expired"
  /** Valid for longer than its kind may be. */
  | "too-long"
  /** A lower sequence than was seen. */
  | "rolled-back"
  /** The sequence that was seen, and other bytes. */
  | "conflict"
  /** A key that is not canonical, of small order, off its curve, or of another length. */
  | "weak-key"
  | "duplicate-key"
  /** One key as root, registrar, next root, bucket, recovery or staff at the same time. */
  | "key-in-two-roles";

/** Why a keyset is refused. */
export type KeysetFault =
  | DirectoryFault
  | "unknown-role"
  /** A kid that is not the thumbprint of its key. */
  | "wrong-kid"
  /** Dates of a key in another order than the format's. */
  | "wrong-dates"
  /** A bucket's recovery key that is missing, lives longer, or is weaker than the bucket's. */
  | "unfit-recovery"
  /** Two buckets between which nothing decides. */
  | "ambiguous-buckets"
  /** No bucket for this policy now. */
  | "no-bucket"
  /** A hybrid key, without the module that imports it. */
  | "not-imported";

/** Why a change of the root is refused. */
export type RotationFault =
  | StatementFault
  | "rolled-back"
  | "conflict"
  /** The two statements differ in what they say, or stand in the wrong order. */
  | "different-statements"
  /** The old and the new root are one key. */
  | "same-root"
  /** Another new root than the keyset announced. */
  | "not-announced"
  | "weak-key";

/** Why a hold is refused. */
export type HoldFault = StatementFault | "expired";

/** Why a destruction is refused. */
export type DestructionFault =
  | StatementFault
  | "unknown-bucket"
  /** Before the bucket's `destroyAfter`. */
  | "too-early"
  /** A held recording that no other bucket keeps as long as its hold lasts. */
  | "held";
/** Why a request or a grant is refused (format-v1, "Request", "Grant"). */
export type GrantFault =
  /** Of another institution than the keyset or the directory. */
  | "other-institution"
  /** The signature is not of the key that it names. */
  | "bad-signature"
  /** The directory has ended, and with it what it says of its people. */
  | "stale-directory"
  /** The requester is not in the directory. */
  | "unknown-requester"
  /** The issuer or the approver may not grant. */
  | "not-a-grantor"
  /** Two of requester, issuer and approver are one person. */
  | "same-holder"
  /** The keyset asks for a second person. */
  | "not-approved"
  /** Answers another request. */
  | "other-request"
  /** A recording that was not asked for, or that this grant is not of. */
  | "other-recording"
  /** Issued more than ten minutes ahead of the clock here. */
  | "issued-ahead"
  /** Dated before what it answers. */
  | "backdated"
  /** Lasts longer than the request, or than requests may. */
  | "too-long"
  | "expired"
  | "withdrawn"
  /** A classical key for what is post-quantum only. */
  | "classical-key";

/** Why a share is refused (format-v1, "Share"). */
export type ShareFault =
  /** The statement is not signed by the pinned root. */
  | "wrong-signer"
  | "bad-signature"
  /** Not one of the shares that the root signed. */
  | "wrong"
  /** Of another set than the statement. */
  | "mixed"
  | "duplicate"
  | "too-few"
  /** The recovered key is not the one whose thumbprint the root signed. */
  | "wrong-key";

/** Why a track cannot be played. */
export type PlaybackFault =
  /** No index was given, and its segments do not begin at key frames, or nothing names its media type. */
  | "no-index"
  /** The browser could not decode what it was given. */
  | "media"
  /** Nothing of it is there, or authentic. */
  | "empty";

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
  /** A keyset against the pin, the clock, what was seen before or the rules; or one that has no key for this. */
  "keyset-refused": { readonly reason: KeysetFault };
  /** A staff directory, likewise. */
  "directory-refused": { readonly reason: DirectoryFault };
  /** A change of an institution's root key, likewise. */
  "rotation-refused": { readonly reason: RotationFault };
  /** A legal hold, likewise. */
  "hold-refused": { readonly reason: HoldFault };
  /** The destruction of a bucket, or the statement about one, likewise. */
  "destruction-refused": { readonly reason: DestructionFault };
  /** A manifest, page, segment or journal of another recording. */
  "wrong-recording": undefined;
  /** coreHash differs from the announced one: a substituted recording. */
  "unexpected-recording": { readonly expected: string; readonly actual: string };
  /** A stored key is not the one whose thumbprint was given. */
  "unexpected-identity": { readonly expected: string; readonly actual: string };
  /** A passkey was not made or not used. */
  "passkey-failed": { readonly reason: PasskeyFailure };
  /** A request for access, or a grant, that is not to be followed. */
  "grant-refused": { readonly reason: GrantFault };
  /** A share of a recovery key that is not to be used; `index` is its place in the given list. */
  "share-refused": { readonly reason: ShareFault; readonly index: number | undefined };
  /** The newest stored manifest is older than the caller's `minSequence`. */
  "stale-manifest": { readonly sequence: number | undefined; readonly minSequence: number };
  /** The recording has no track of this name. */
  "unknown-track": { readonly tracks: readonly string[] };
  /** A track, or an excerpt, that cannot be played. */
  unplayable: { readonly reason: PlaybackFault };
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

/**
 * `cancelled`: by the user, by time, or since no passkey that fits is at hand, which browsers do not tell apart. `exists`: the
 * authenticator holds one of those to be excluded. `no-prf`: it, or the browser, lacks the PRF extension. `other-site`: `rpId`
 * is not a domain of this page. `failed`: anything else, in `cause`.
 */
export type PasskeyFailure = "cancelled" | "exists" | "no-prf" | "other-site" | "failed";

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

/** The codes whose details are a reason. */
export type RefusalCode = {
  [C in ErrorCode]: ErrorDetails[C] extends { readonly reason: string } ? C : never;
}[ErrorCode];

/** @param facts without a full stop: the reason is in the message. */
export function refused<C extends RefusalCode>(
  code: C,
  reason: ErrorDetails[C]["reason"],
  facts: string,
): BlindreelError<C> {
  const what = code.slice(0, -"-refused".length);
  return new BlindreelError(code, `the ${what} is refused: ${reason}, ${facts}`, {
    reason,
  } as ErrorDetails[C]);
}

export function closedError(what: string): BlindreelError<"closed"> {
  return new BlindreelError("closed", `${what} is finished or closed`, undefined);
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
