import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import { isStrictPoint } from "../crypto/ed25519.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { POLICY, toDate, toSeconds } from "../envelope/policy.js";
import type { KeysetReference, Provenance, RecipientSet, RecipientSource } from "../envelope/provenance.js";
import { wrongType } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { INSTITUTION_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import type { JsonObject } from "../formats/json.js";
import { type Checks, dateArgument, readOptions } from "../formats/options.js";
import {
  type Claims,
  count,
  hashClaim,
  hexOf,
  listOf,
  objectClaim,
  oneOfClaim,
  readClaims,
  signingKeyClaim,
} from "./claims.js";
import { readStatement } from "./jws.js";
import {
  type CheckedBucket,
  type CheckedKey,
  checkKeys,
  importersArgument,
  type KeyCheckOptions,
  type KeyImporters,
  keysetFault,
} from "./keys.js";
import { signingThumbprint } from "./signing-key.js";
import {
  checkExpires,
  checkInstitution,
  checkSequence,
  checkSigner,
  checkValidity,
  pinArgument,
  seenArgument,
} from "./validity.js";

/** An institution's public keys, signed by its root (format-v1, "Keyset"). */

export const LONGEST_DAYS = 90;

/** Options of {@link verifyKeyset}. */
export interface VerifyKeysetOptions {
  /**
   * The root key's full thumbprint, 64 hex digits or 43 characters of base64url, from where the vendor cannot change it: the
   * extension's managed policy, the LMS.
   */
  readonly pin: string;
  /** `seen` of the keyset that this client verified last: against rollback. A fresh client has none. */
  readonly seen?: KeysetReference;
  /** The institution's id, where it is known besides the pin. */
  readonly institution?: string;
  /** For keys other than X25519. Without them a keyset verifies, and its other buckets cannot be sealed to. */
  readonly importers?: KeyImporters;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

const VERIFY: Checks<VerifyKeysetOptions> = {
  pin: pinArgument,
  seen: seenArgument,
  institution: POLICY.institution,
  importers: importersArgument,
  now: dateArgument,
  crypto: providerArgument,
};

/** A payload whose form and keys have been checked. Times in seconds since 1970. */
export interface CheckedKeyset {
  readonly institution: string;
  readonly sequence: number;
  readonly issued: number;
  readonly expires: number;
  readonly next?: string;
  readonly approvals: 1 | 2;
  readonly root: Bytes;
  readonly registrar: Bytes;
  readonly registrarThumbprint: string;
  readonly keys: readonly CheckedKey[];
}

type Payload = Omit<CheckedKeyset, "keys" | "registrarThumbprint"> & { readonly keys: readonly JsonObject[] };

const PAYLOAD: Claims<Payload> = {
  institution: hexOf(INSTITUTION_LENGTH),
  sequence: count,
  issued: count,
  expires: count,
  next: hashClaim,
  approvals: oneOfClaim(1, 2),
  root: signingKeyClaim,
  registrar: signingKeyClaim,
  keys: /* @__PURE__ */ listOf(objectClaim),
};

/**
 * Verifies a keyset before anything is sealed to it: form, signer, signature, institution, time, sequence, keys, in this order
 * (format-v1, "Keyset").
 *
 * @param keyset the JWS as text or bytes, without white space.
 * @throws BlindreelError `keyset-refused` with a reason, `malformed`, `invalid-json`, `limit-exceeded`; TypeError.
 */
export async function verifyKeyset(
  keyset: string | Uint8Array,
  given: VerifyKeysetOptions,
): Promise<VerifiedKeyset> {
  const options = readOptions<VerifyKeysetOptions>("options", given, VERIFY, ["pin"]);
  const { crypto = defaultProvider(), now = new Date(), pin } = options;
  const statement = await readStatement(crypto, keyset, "blindreel-keyset+jws");
  const claims = readKeysetPayload(statement.payload);
  const signer = { thumbprint: pin, publicKey: claims.root };
  await checkSigner(crypto, statement, signer, "keyset-refused");
  const reference = { sequence: claims.sequence, hash: encodeHex(statement.hash) };
  checkInstitution(claims.institution, options.institution, "keyset-refused");
  checkValidity(claims, now, LONGEST_DAYS, "keyset-refused");
  checkSequence(reference, options.seen, "keyset-refused");
  const verified = new VerifiedKeyset(
    await checkKeyset(claims, pin, { ...options, crypto }),
    pin,
    reference.hash,
  );
  VERIFIED.add(verified);
  return verified;
}

/** A prototype can be borrowed and a constructor reached; a place in here cannot. */
const VERIFIED = new WeakSet<object>();

/** The rules between the keys of a payload, for its signer and its readers. @param root thumbprint of the root key. */
export async function checkKeyset(
  claims: Payload,
  root: string,
  options: KeyCheckOptions,
): Promise<CheckedKeyset> {
  if (!isStrictPoint(claims.registrar)) throw keysetFault("weak-key", "the registrar's");
  const registrarThumbprint = encodeHex(await signingThumbprint(options.crypto, claims.registrar));
  const signing = [root, registrarThumbprint, claims.next];
  if (new Set(signing).size < signing.length)
    throw keysetFault("key-in-two-roles", "root, next root, registrar");
  const keys = Object.freeze(await checkKeys(claims.keys, options));
  return Object.freeze({ ...claims, registrarThumbprint, keys });
}

/** @throws BlindreelError `malformed`. */
export const readKeysetPayload = (payload: JsonObject): Payload =>
  readClaims<Payload>("the keyset", payload, PAYLOAD, ["next"]);

/** The recording for which {@link VerifiedKeyset.recipients} are needed. */
export interface BucketNeed {
  /** Required: buckets are chosen by it. */
  readonly expiresAt?: Date | undefined;
  readonly region?: string | undefined;
  /** End of a legal hold, which counts as the recording's expiry where it is later. */
  readonly heldUntil?: Date | undefined;
  /** Overrides the clock. */
  readonly now?: Date;
}

const NEED: Checks<BucketNeed> = {
  expiresAt: dateArgument,
  region: POLICY.region,
  heldUntil: dateArgument,
  now: dateArgument,
};

/** A keyset that holds. Made by {@link verifyKeyset} alone. */
export class VerifiedKeyset implements RecipientSource {
  /** 32 hex digits. */
  declare readonly institution: string;
  declare readonly sequence: number;
  /** SHA-256 of the keyset, 64 hex digits. */
  declare readonly hash: string;
  declare readonly issued: Date;
  declare readonly expires: Date;
  /** Thumbprint of the root that signed it: the pin. */
  declare readonly root: string;
  /** Thumbprint of the announced next root. */
  declare readonly next: string | undefined;
  /** Thumbprint of the key that signs the directory. */
  declare readonly registrar: string;
  /** How many others approve a grant. */
  declare readonly approvals: 1 | 2;
  /** @internal */
  declare readonly checked: CheckedKeyset;

  /** @internal */
  constructor(checked: CheckedKeyset, root: string, hash: string) {
    const { institution, sequence, next, approvals, registrarThumbprint: registrar } = checked;
    const [issued, expires] = [toDate(checked.issued), toDate(checked.expires)];
    const rest = { root, next, registrar, approvals, checked };
    Object.freeze(Object.assign(this, { institution, sequence, hash, issued, expires, ...rest }));
  }

  /** What the client stores, and passes to the next verification. */
  get seen(): KeysetReference {
    return { sequence: this.sequence, hash: this.hash };
  }

  /**
   * The bucket for a recording, and its recovery key. Of several buckets that fit, the one that is destroyed first.
   *
   * @throws BlindreelError `keyset-refused` saying what is missing: `expired`, `no-bucket`, `not-imported`.
   */
  recipients(need: BucketNeed): RecipientSet {
    const { now = new Date(), ...wanted } = readOptions<BucketNeed>("need", need, NEED);
    const { bucket, recovery } = this.#choose(wanted, now, this.checked.keys);
    const recipients = [bucket.recipient, recovery.recipient];
    if (recipients.includes(undefined))
      throw keysetFault("not-imported", `${bucket.kid} needs importers.${bucket.jwk.kty}`);
    const provenance: Provenance = {
      institution: this.institution,
      keyset: this.seen,
      checkPolicy: (actual, at) => {
        checkInstitution(this.institution, actual.institution, "keyset-refused");
        this.#choose({ ...wanted, ...actual }, at, [bucket]);
      },
    };
    return Object.freeze(Object.assign(recipients, { provenance })) as unknown as RecipientSet;
  }

  #choose({ expiresAt, region = "", heldUntil }: BucketNeed, now: Date, among: readonly CheckedKey[]) {
    const { expires, keys } = this.checked;
    checkExpires(expires, now, "keyset-refused");
    if (expiresAt === undefined) throw keysetFault("no-bucket", "no expiresAt");
    const at = toSeconds(now);
    const expiry = Math.max(toSeconds(expiresAt), toSeconds(heldUntil ?? expiresAt));
    const isValid = (key: CheckedKey): boolean => key.notBefore <= at && at <= key.notAfter;
    const recoveryOf = ({ recovery }: CheckedBucket) => keys.find(({ kid }) => kid === recovery)!;
    let buckets = among.filter((key) => key.role === "bucket");
    const keep = (what: string, fits: (bucket: CheckedBucket) => boolean): void => {
      buckets = buckets.filter(fits);
      if (!buckets[0]) throw keysetFault("no-bucket", `none is ${what}`);
    };
    keep("valid now", (bucket) => isValid(bucket) && isValid(recoveryOf(bucket)));
    keep("for this expiresAt", (bucket) => bucket.expiresFrom <= expiry && expiry <= bucket.destroyAfter);
    keep("for this region", ({ regions }) => !regions || regions.includes(region));
    buckets.sort((a, b) => a.destroyAfter - b.destroyAfter || b.notBefore - a.notBefore);
    return { bucket: buckets[0]!, recovery: recoveryOf(buckets[0]!) };
  }
}

/** For all that a keyset decides: what {@link verifyKeyset} returned, and nothing that looks like it. @throws TypeError. */
export function keysetArgument(name: string, value: unknown): VerifiedKeyset {
  if (VERIFIED.has(value as object)) return value as VerifiedKeyset;
  throw wrongType(name, "a keyset that verifyKeyset returned", value);
}
