import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { POLICY, toDate, toSeconds } from "../envelope/policy.js";
import type { ExpiryHold } from "../envelope/unlock.js";
import { outOfRange, wrongType } from "../errors.js";
import { HASH_LENGTH, INSTITUTION_LENGTH } from "../formats/constants.js";
import { isHex } from "../formats/encoding.js";
import { type Check, type Checks, dateArgument, readOptions } from "../formats/options.js";
import { type Claims, count, hashText, hexOf, readClaims, setOfHashes } from "./claims.js";
import { readStatement, StatementType, signStatement } from "./jws.js";
import { keysetArgument, type VerifiedKeyset } from "./keyset.js";
import { type Signer, signerArgument } from "./signing-key.js";
import { checkExpires, checkInstitution, checkIssued, checkSigner } from "./validity.js";

/** Legal holds: a later expiry of named recordings, signed by the root (format-v1, "Hold and destruction"). */

/** What {@link signHold} says. */
export interface HoldClaims {
  /** 32 hex digits. */
  readonly institution: string;
  /** coreHash of each held recording, 64 hex digits. */
  readonly recordings: readonly string[];
  /** When the hold ends. */
  readonly until: Date;
  /** Now unless given. */
  readonly issued?: Date;
}

/** Options of {@link signHold}. */
export interface SignHoldOptions {
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

const recordingsArgument: Check<readonly string[]> = (name, value) => {
  if (!Array.isArray(value) || value.length === 0)
    throw wrongType(name, "a list of recordings, by coreHash", value);
  for (const each of value) {
    if (typeof each !== "string" || !isHex(each, HASH_LENGTH))
      throw wrongType(name, "a list of 64 hex digits each", each);
  }
  return [...new Set<string>(value)];
};

const CLAIMS: Checks<HoldClaims> = {
  institution: POLICY.institution,
  recordings: recordingsArgument,
  until: dateArgument,
  issued: dateArgument,
};

/** coreHashes as a payload has them: base64url, ascending. */
export const encodeRecordings = (recordings: readonly string[]): string[] => recordings.map(hashText).sort();

/**
 * Signs a hold with the institution's root key.
 *
 * @throws BlindreelError `provider-fault`; TypeError; RangeError for a hold that ends before it is issued.
 */
export async function signHold(claims: HoldClaims, signer: Signer, given?: SignHoldOptions): Promise<string> {
  const { crypto = defaultProvider() } = readOptions<SignHoldOptions>("options", given, {
    crypto: providerArgument,
  });
  const root = signerArgument("signer", signer);
  const read = readOptions<HoldClaims>("claims", claims, CLAIMS, ["institution", "recordings", "until"]);
  const { institution, recordings, until, issued = new Date() } = read;
  if (until <= issued) throw outOfRange("claims.until", "after the hold is issued", until.toISOString());
  const payload = {
    institution,
    issued: toSeconds(issued),
    until: toSeconds(until),
    recordings: encodeRecordings(recordings),
  };
  return signStatement(crypto, StatementType.hold, payload, root);
}

/** Options of {@link verifyHold}. */
export interface VerifyHoldOptions {
  /** Names the root, and whose recordings they are. */
  readonly keyset: VerifiedKeyset;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

export const BY_KEYSET: Checks<VerifyHoldOptions> = {
  keyset: keysetArgument,
  now: dateArgument,
  crypto: providerArgument,
};

interface Payload {
  readonly institution: string;
  readonly recordings: readonly string[];
  readonly issued: number;
  readonly until: number;
}

const PAYLOAD: Claims<Payload> = {
  institution: hexOf(INSTITUTION_LENGTH),
  recordings: (value) => setOfHashes(value),
  issued: count,
  until: count,
};

/** A hold that holds. {@link verifyHold} makes it; `open`, `openRecording` and `rewrap` honour it. */
export interface VerifiedHold extends ExpiryHold {
  readonly institution: string;
  readonly issued: Date;
}

/**
 * Verifies a legal hold under a verified keyset.
 *
 * @param hold the JWS as text or bytes, without white space.
 * @throws BlindreelError `hold-refused` with a reason, `keyset-refused` where that has expired, `malformed`, `invalid-json`, `limit-exceeded`; TypeError.
 */
export async function verifyHold(hold: string | Uint8Array, given: VerifyHoldOptions): Promise<VerifiedHold> {
  const options = readOptions<VerifyHoldOptions>("options", given, BY_KEYSET, ["keyset"]);
  const { crypto = defaultProvider(), now = new Date(), keyset } = options;
  const statement = await readStatement(crypto, hold, StatementType.hold);
  checkExpires(keyset.checked.expires, now, "keyset-refused");
  await checkSigner(crypto, statement, signingRootOf(keyset), "hold-refused");
  const { institution, recordings, issued, until } = readClaims<Payload>(
    "the hold",
    statement.payload,
    PAYLOAD,
  );
  checkInstitution(institution, keyset.institution, "hold-refused");
  checkIssued(issued, now, "hold-refused");
  checkExpires(until, now, "hold-refused");
  const verified: VerifiedHold = Object.freeze({
    institution,
    recordings: Object.freeze(recordings),
    issued: toDate(issued),
    // A date of its own for each reader: nobody shortens the hold by changing it.
    get until() {
      return toDate(until);
    },
  });
  verifiedHolds.add(verified);
  return verified;
}

const verifiedHolds = /* @__PURE__ */ new WeakSet<object>();

/** For whoever destroys what no hold names: text, payloads and copies are refused. @throws TypeError. */
export const verifiedHoldsArgument: Check<readonly VerifiedHold[]> = (name, value) => {
  if (!Array.isArray(value)) throw wrongType(name, "a list of verified holds", value);
  const holds: readonly VerifiedHold[] = [...value];
  for (const hold of holds)
    if (!verifiedHolds.has(hold)) throw wrongType(name, "a list of what verifyHold returned", hold);
  return holds;
};

export const signingRootOf = (keyset: VerifiedKeyset) => ({
  thumbprint: keyset.root,
  publicKey: keyset.checked.root,
});
