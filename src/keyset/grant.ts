import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import { verifyEd25519 } from "../crypto/ed25519.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { openObject } from "../envelope/open.js";
import { toDate, toSeconds } from "../envelope/policy.js";
import { type ReadKeySource, UNLOCK } from "../envelope/unlock.js";
import { authenticationFailed, malformed } from "../errors.js";
import { type Bytes, bytesArgument, equalBytes, isAllZero, wipe } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { asGiven, type Checks, dateArgument, readOptions } from "../formats/options.js";
import type { Identity } from "../keywrap/types.js";
import {
  type AccessContext,
  checkDirectory,
  checkHolders,
  checkTimes,
  memberOf,
  publicKeyOf,
  refuse,
} from "./access.js";
import { directoryArgument, type VerifiedDirectory } from "./directory.js";
import {
  type DecodedGrant,
  decodeGrant,
  decodeKeys,
  type GrantBody,
  type GrantedKey,
  grantMessage,
} from "./grant-format.js";
import { keysetArgument, type VerifiedKeyset } from "./keyset.js";
import { type ReadRequest, readApproval, readRequest } from "./request.js";

/** Grants as their readers see them (format-v1, "Grant"). `grant-access.ts` makes them. */

/** The public part of a grant. Not authenticated. */
export interface InspectedGrant {
  /** 32 hex digits. */
  readonly grantId: string;
  readonly institution: string;
  /** SHA-256 of the request's text, 64 hex digits. */
  readonly requestHash: string;
  /** Thumbprints of signing keys, 64 hex digits. */
  readonly staff: string;
  readonly issuer: string;
  /** Undefined where nobody approved. */
  readonly approver: string | undefined;
  readonly issued: Date;
  readonly notAfter: Date;
}

/**
 * The public part of a grant, without keys. Nothing in it is verified.
 *
 * @throws BlindreelError `malformed`, `unsupported-version`, `truncated`, `limit-exceeded`.
 */
export function inspectGrant(grant: Uint8Array): InspectedGrant {
  return publicFacts(decodeGrant(bytesArgument("grant", grant)).body);
}

function publicFacts({ issued, notAfter, approver, ...hashes }: GrantBody): InspectedGrant {
  return {
    grantId: encodeHex(hashes.grantId),
    institution: encodeHex(hashes.institution),
    requestHash: encodeHex(hashes.requestHash),
    staff: encodeHex(hashes.staff),
    issuer: encodeHex(hashes.issuer),
    approver: isAllZero(approver) ? undefined : encodeHex(approver),
    issued: toDate(issued),
    notAfter: toDate(notAfter),
  };
}

/** A withdrawn grant, as the directory lists it until `notAfter`. */
export interface Withdrawal {
  /** 32 hex digits. */
  readonly grantId: string;
  readonly notAfter: Date;
}

/**
 * The directory's line for a grant that is to be followed no more. Honest software stops at the next directory; whoever opened
 * the grant before may have kept its keys.
 *
 * @param grant the copy that its issuer keeps: nothing of it is verified here, and a copy from a server may name another grant.
 * @throws as `inspectGrant`.
 */
export function withdrawGrant(grant: Uint8Array): Withdrawal {
  const { grantId, notAfter } = inspectGrant(grant);
  return { grantId, notAfter };
}

/** Options of {@link verifyGrant}. */
export interface VerifyGrantOptions {
  /** The request that it answers, as it was sent. */
  readonly request: string | Uint8Array;
  /** The request's key. */
  readonly identities: Identity | readonly Identity[];
  readonly keyset: VerifiedKeyset;
  readonly directory: VerifiedDirectory;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

interface VerifyGrantArguments extends VerifyGrantOptions {
  readonly identities: readonly Identity[];
}

const VERIFY: Checks<VerifyGrantArguments> = {
  request: asGiven,
  identities: UNLOCK.identities,
  keyset: keysetArgument,
  directory: directoryArgument,
  now: dateArgument,
  crypto: providerArgument,
};

/**
 * For the requester: verifies a grant, and opens it for `openRecording`. In this order: form, institution, request, people,
 * signature, times, withdrawal, approval, keys (format-v1, "Grant").
 *
 * @throws BlindreelError `grant-refused` with a reason; `malformed`, `invalid-json`, `unsupported-version`, `truncated`,
 *   `limit-exceeded`; as `open` for the keys inside.
 */
export async function verifyGrant(grant: Uint8Array, given: VerifyGrantOptions): Promise<VerifiedGrant> {
  const required = ["request", "identities", "keyset", "directory"] as const;
  const options = readOptions<VerifyGrantArguments>("options", given, VERIFY, required);
  const { crypto = defaultProvider(), now = new Date(), directory, keyset, identities, request } = options;
  const context: AccessContext = { crypto, now, directory };
  const decoded = decodeGrant(bytesArgument("grant", grant).slice());
  const { facts, asked } = await checkGrant(decoded, request, keyset, context);

  const opened = await openObject("grant", decoded.file, { identities, crypto, now, limits: LIMITS });
  const keys = await decodeKeys(crypto, decoded.bodyBytes, opened.data);
  if (!keys) throw authenticationFailed();
  try {
    if (facts.approver !== undefined) {
      const approval = opened.metadata?.approval;
      if (typeof approval !== "string")
        throw malformed("the grant names an approver and holds no approval", 0);
      const { statement } = await readApproval(approval, asked, context);
      if (encodeHex(statement.kid) !== facts.approver)
        throw refuse("bad-signature", "another person approved it than it says");
    }
    const { recordings, reason, exam } = asked.claims;
    const wanted = recordings && new Set(recordings);
    for (const { coreHash } of keys) {
      if (wanted?.has(encodeHex(coreHash)) === false)
        throw refuse("other-recording", `it holds ${encodeHex(coreHash)}, which was not asked for`);
    }
    return new VerifiedGrant(facts, { reason, exam, keys });
  } catch (error) {
    for (const { readKey } of keys) wipe(readKey);
    throw error;
  }
}

/** All checks of a grant but those of its file, which its reader alone opens. @throws as {@link verifyGrant}. */
export async function checkGrant(
  { body, bodyBytes, signature, file }: DecodedGrant,
  request: string | Uint8Array,
  keyset: VerifiedKeyset,
  context: AccessContext,
): Promise<{ readonly facts: InspectedGrant; readonly asked: ReadRequest }> {
  const { crypto, now, directory } = context;
  const facts = publicFacts(body);
  checkDirectory(facts.institution, directory, now);
  checkDirectory(keyset.institution, directory, now);

  const asked = await readRequest(request, context);
  if (!equalBytes(asked.hash, body.requestHash)) throw refuse("other-request", "it answers another request");
  if (facts.staff !== asked.claims.staff) throw refuse("other-request", "it is for another person's key");

  const issuer = memberOf(directory, body.issuer, "issuer");
  const approver = facts.approver === undefined ? undefined : memberOf(directory, body.approver, "approver");
  checkHolders(asked.requester, issuer, approver);
  if (keyset.approvals > 1 && !approver)
    throw refuse("not-approved", "the institution asks for a second person's approval");
  const message = await grantMessage(crypto, bodyBytes, file);
  if (!(await verifyEd25519(crypto, publicKeyOf(issuer), message, signature)))
    throw refuse("bad-signature", "the issuer's signature does not hold");

  checkTimes({ issued: body.issued, notAfter: body.notAfter, since: asked.issued }, now);
  if (body.notAfter > asked.notAfter) throw refuse("too-long", "it lasts longer than was asked for");
  if (directory.isWithdrawn(facts.grantId)) throw refuse("withdrawn", "it was withdrawn");
  return { facts, asked };
}

/** A grant that holds. Made by {@link verifyGrant} alone; for `openRecording` and `whoCanOpen`. */
export class VerifiedGrant implements InspectedGrant, ReadKeySource {
  readonly grantId: string;
  readonly institution: string;
  readonly requestHash: string;
  readonly staff: string;
  readonly issuer: string;
  readonly approver: string | undefined;
  readonly issued: Date;
  readonly notAfter: Date;
  /** As the requester wrote it. */
  readonly reason: string;
  readonly exam: string | undefined;
  /** coreHashes, 64 hex digits each. */
  readonly recordings: readonly string[];
  readonly #readKeys: Map<string, Bytes>;
  /** Its end, in seconds since 1970, which no caller changes. */
  readonly #end: number;

  /** @internal */
  constructor(
    facts: InspectedGrant,
    opened: {
      readonly reason: string;
      readonly exam: string | undefined;
      readonly keys: readonly GrantedKey[];
    },
  ) {
    this.grantId = facts.grantId;
    this.institution = facts.institution;
    this.requestHash = facts.requestHash;
    this.staff = facts.staff;
    this.issuer = facts.issuer;
    this.approver = facts.approver;
    this.issued = facts.issued;
    this.notAfter = facts.notAfter;
    this.reason = opened.reason;
    this.exam = opened.exam;
    this.#readKeys = new Map(opened.keys.map(({ coreHash, readKey }) => [encodeHex(coreHash), readKey]));
    this.recordings = Object.freeze([...this.#readKeys.keys()]);
    this.#end = toSeconds(facts.notAfter);
    Object.freeze(this);
  }

  /** For `openRecording`. @throws BlindreelError `grant-refused` at its end. */
  readKeyOf(coreHash: string, now: Date): Bytes | undefined {
    const readKey = this.#readKeys.get(coreHash);
    if (readKey && toSeconds(now) >= this.#end)
      throw refuse("expired", `it ended at ${toDate(this.#end).toISOString()}`);
    return readKey;
  }

  /** Forgets the keys. */
  close(): void {
    for (const readKey of this.#readKeys.values()) wipe(readKey);
    this.#readKeys.clear();
  }
}
