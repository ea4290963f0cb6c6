import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { toDate, toSeconds } from "../envelope/policy.js";
import { malformed, outOfRange, wrongType } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { HASH_LENGTH, INSTITUTION_LENGTH } from "../formats/constants.js";
import { encodeHex, isHex } from "../formats/encoding.js";
import type { JsonObject } from "../formats/json.js";
import { asGiven, type Check, type Checks, dateArgument, readOptions } from "../formats/options.js";
import { wellFormedText } from "../formats/text.js";
import { generateIdentity } from "../keywrap/import.js";
import {
  type AccessContext,
  checkDirectory,
  checkHolders,
  checkTimes,
  claimedId,
  claimedText,
  LONGEST_VALIDITY,
  refuse,
  signerOf,
} from "./access.js";
import {
  type Claim,
  type Claims,
  count,
  hashClaim,
  hashText,
  hexOf,
  objectClaim,
  readClaims,
  setOf,
} from "./claims.js";
import { directoryArgument, type StaffMember, type VerifiedDirectory } from "./directory.js";
import type { ProtectableIdentity } from "./identity-file.js";
import { readStatement, StatementType, signStatement, type UnverifiedStatement } from "./jws.js";
import { readPublicJwk } from "./keys.js";
import { type Signer, signerArgument } from "./signing-key.js";

/**
 * Requests for access (format-v1, "Request"): a staff member's statement of which recordings, why, and until when, with a fresh
 * encryption key that is destroyed then; and a second person's approval of one.
 */

const LONGEST_REASON = 1024;
const LONGEST_EXAM = 256;

interface RequestPayload {
  readonly institution: string;
  /** coreHashes in base64url, ascending; or an exam's id. */
  readonly recordings?: readonly string[];
  readonly exam?: string;
  readonly reason: string;
  readonly issued: number;
  readonly notAfter: number;
  readonly key: JsonObject;
}

const REQUEST: Claims<RequestPayload> = {
  institution: hexOf(INSTITUTION_LENGTH),
  recordings: setOf(hashClaim),
  exam: claimedId(LONGEST_EXAM),
  reason: claimedText(LONGEST_REASON),
  issued: count,
  notAfter: count,
  key: objectClaim,
};

/** What {@link requestAccess} says. */
export interface AccessClaims {
  /** 32 hex digits. */
  readonly institution: string;
  /** coreHashes, 64 hex digits each. Either these, or `exam`. */
  readonly recordings?: readonly string[];
  /** The exam's id, as the institution knows it: whoever grants decides which recordings are of it. Public, so no name. */
  readonly exam?: string;
  /** For the people who decide, and for the record; up to 1024 characters. Public: no names of candidates. */
  readonly reason: string;
  /** Within 31 days. */
  readonly notAfter: Date;
  /** A fresh key, for this request alone: of `generateXWingIdentity` for post-quantum recordings. Made here unless given. */
  readonly identity?: ProtectableIdentity;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

const textArgument =
  (claim: Claim<string>, longest: number): Check<string> =>
  (name, value) => {
    const text = claim(wellFormedText(name, value).normalize("NFC"));
    if (text !== undefined) return text;
    throw outOfRange(name, `1 to ${longest} characters, all of them seen`, String(value).length);
  };

const hexArgument =
  (length: number): Check<string> =>
  (name, value) => {
    if (typeof value === "string" && isHex(value, length)) return value;
    throw wrongType(name, `${2 * length} lowercase hex digits`, value);
  };

const CLAIMS: Checks<AccessClaims> = {
  institution: hexArgument(INSTITUTION_LENGTH),
  recordings(name, value) {
    if (!Array.isArray(value) || value.length === 0) throw wrongType(name, "a list of coreHashes", value);
    return [...new Set(value.map((each) => hexArgument(HASH_LENGTH)(name, each)))];
  },
  exam: textArgument(claimedId(LONGEST_EXAM), LONGEST_EXAM),
  reason: textArgument(claimedText(LONGEST_REASON), LONGEST_REASON),
  notAfter: dateArgument,
  identity: asGiven,
  now: dateArgument,
  crypto: providerArgument,
};

/** A request with the private half of its key. */
export interface AccessRequest {
  /** A compact JWS, for whoever grants. */
  readonly request: string;
  /** Opens the grant. Keep it with `protectIdentity`, and delete it at `notAfter`. */
  readonly identity: ProtectableIdentity;
}

/**
 * Asks for access to recordings. The text holds nothing secret, and travels as a file.
 *
 * @param signer the staff member's long-lived key, which the directory names.
 * @throws TypeError and RangeError for claims; BlindreelError `malformed` for an identity whose recipient is no public key,
 *   `provider-fault`.
 */
export async function requestAccess(claims: AccessClaims, signer: Signer): Promise<AccessRequest> {
  const required = ["institution", "reason", "notAfter"] as const;
  const given = readOptions<AccessClaims>("claims", claims, CLAIMS, required);
  const own = signerArgument("signer", signer);
  const { crypto = defaultProvider(), now = new Date(), recordings, exam, institution, reason } = given;
  if ((recordings === undefined) === (exam === undefined))
    throw wrongType("claims", "of either recordings or an exam");
  const issued = toSeconds(now);
  const notAfter = toSeconds(given.notAfter);
  if (notAfter <= issued || notAfter - issued > LONGEST_VALIDITY)
    throw outOfRange("claims.notAfter", "within 31 days from now", given.notAfter.toISOString());
  const identity = given.identity ?? (await generateIdentity({ crypto }));
  const { recipient } = identity as { recipient: Partial<Record<"toJwk", () => object>> };
  if (typeof recipient?.toJwk !== "function")
    throw wrongType("claims.identity", "one whose recipient has toJwk");
  const payload = {
    institution,
    ...(recordings ? { recordings: recordings.map(hashText).sort() } : { exam: exam! }),
    reason,
    issued,
    notAfter,
    key: recipient.toJwk() as JsonObject,
  };
  // A request is public: never a private half, whatever stands in the recipient's place.
  readPublicJwk(payload.key);
  return { request: await signStatement(crypto, StatementType.request, payload, own), identity };
}

/** A request that holds, as those who decide see it. */
export interface VerifiedRequest {
  readonly institution: string;
  /** coreHashes, 64 hex digits each; undefined for an exam. */
  readonly recordings: readonly string[] | undefined;
  readonly exam: string | undefined;
  readonly reason: string;
  readonly issued: Date;
  readonly notAfter: Date;
  /** Thumbprint of the requester's signing key, 64 hex digits. */
  readonly staff: string;
  /** Pseudonym of the requester. */
  readonly holder: string;
}

/** Options of {@link verifyRequest}. */
export interface VerifyRequestOptions {
  readonly directory: VerifiedDirectory;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

const VERIFY: Checks<VerifyRequestOptions> = {
  directory: directoryArgument,
  now: dateArgument,
  crypto: providerArgument,
};

/** {@link VerifiedRequest} with what a grant is made from. */
export interface ReadRequest {
  readonly claims: VerifiedRequest;
  readonly requester: StaffMember;
  /** The public key for the grant, as JWK. */
  readonly key: JsonObject;
  readonly hash: Bytes;
  readonly kid: Bytes;
  /** Seconds since 1970. */
  readonly issued: number;
  readonly notAfter: number;
}

/**
 * What a request asks for, before somebody decides: that its signer is in the directory, and its times.
 *
 * @throws BlindreelError `grant-refused`: `other-institution`, `stale-directory`, `unknown-requester`, `bad-signature`,
 *   `too-long`, `issued-ahead`, `expired`; `malformed`, `invalid-json`, `invalid-key`; TypeError.
 */
export async function verifyRequest(
  request: string | Uint8Array,
  given: VerifyRequestOptions,
): Promise<VerifiedRequest> {
  const options = readOptions<VerifyRequestOptions>("options", given, VERIFY, ["directory"]);
  const { crypto = defaultProvider(), now = new Date() } = options;
  return (await readRequest(request, { ...options, crypto, now })).claims;
}

/** {@link verifyRequest} for whoever approves or grants; options have been read. */
export async function readRequest(
  request: string | Uint8Array,
  context: AccessContext,
): Promise<ReadRequest> {
  const { crypto, directory, now } = context;
  const statement = await readStatement(crypto, request as Bytes, StatementType.request);
  const payload = readPayload(statement);
  const { institution, recordings, exam, reason, issued, notAfter } = payload;
  readPublicJwk(payload.key);
  checkDirectory(institution, directory, now);
  const requester = await signerOf(crypto, statement, directory, "requester");
  if (notAfter <= issued || notAfter - issued > LONGEST_VALIDITY)
    throw refuse("too-long", "the request has to end within 31 days of being issued");
  checkTimes({ issued, notAfter, since: 0 }, now);
  const claims: VerifiedRequest = Object.freeze({
    institution,
    recordings,
    exam,
    reason,
    issued: toDate(issued),
    notAfter: toDate(notAfter),
    staff: encodeHex(statement.kid),
    holder: requester.holder,
  });
  const { key } = payload;
  return { claims, requester, key, hash: statement.hash, kid: statement.kid, issued, notAfter };
}

/** What a request says, of which nothing is verified. @throws BlindreelError `malformed`, `invalid-json`; TypeError. */
export async function requestClaims(
  request: string | Uint8Array,
  crypto: CryptoProvider,
): Promise<Pick<VerifiedRequest, "recordings" | "exam" | "reason">> {
  const { recordings, exam, reason } = readPayload(
    await readStatement(crypto, request as Bytes, StatementType.request),
  );
  return { recordings, exam, reason };
}

function readPayload({ payload: given }: UnverifiedStatement): RequestPayload {
  const payload = readClaims<RequestPayload>("the request", given, REQUEST, ["recordings", "exam"]);
  if ((payload.recordings === undefined) === (payload.exam === undefined))
    throw malformed("the request names either recordings or an exam", 0);
  return payload;
}

interface ApprovalPayload {
  readonly institution: string;
  readonly request: string;
  readonly issued: number;
}

const APPROVAL: Claims<ApprovalPayload> = {
  institution: hexOf(INSTITUTION_LENGTH),
  request: hashClaim,
  issued: count,
};

/**
 * A second person's consent to a request, where the keyset asks for two: for whoever grants, who is a third.
 *
 * @param approver a grantor's key.
 * @returns a compact JWS.
 * @throws BlindreelError as {@link verifyRequest}, `grant-refused` also for `not-a-grantor` and `same-holder`.
 */
export async function approveRequest(
  request: string | Uint8Array,
  approver: Signer,
  given: VerifyRequestOptions,
): Promise<string> {
  const options = readOptions<VerifyRequestOptions>("options", given, VERIFY, ["directory"]);
  const own = signerArgument("approver", approver);
  const { crypto = defaultProvider(), now = new Date() } = options;
  const context = { ...options, crypto, now };
  const asked = await readRequest(request, context);
  const payload = {
    institution: asked.claims.institution,
    request: hashText(encodeHex(asked.hash)),
    issued: toSeconds(now),
  };
  const approval = await signStatement(crypto, StatementType.approval, payload, own);
  await readApproval(approval, asked, context);
  return approval;
}

/** An approval of this request, by a grantor who is not the requester. @throws BlindreelError as {@link verifyRequest}. */
export async function readApproval(
  approval: string | Uint8Array,
  asked: ReadRequest,
  { crypto, directory, now }: AccessContext,
): Promise<{
  readonly approver: StaffMember;
  readonly statement: UnverifiedStatement;
  readonly issued: number;
}> {
  const statement = await readStatement(crypto, approval as Bytes, StatementType.approval);
  const { institution, request, issued } = readClaims<ApprovalPayload>(
    "the approval",
    statement.payload,
    APPROVAL,
  );
  checkDirectory(institution, directory, now);
  const approver = await signerOf(crypto, statement, directory, "approver");
  checkHolders(asked.requester, approver);
  if (request !== encodeHex(asked.hash)) throw refuse("other-request", "the approval is of another request");
  checkTimes({ issued, notAfter: asked.notAfter, since: asked.issued }, now);
  return { approver, statement, issued };
}
