import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { POLICY, toSeconds } from "../envelope/policy.js";
import { wrongType } from "../errors.js";
import { encodeHex } from "../formats/encoding.js";
import type { JsonObject } from "../formats/json.js";
import { type Check, type Checks, countArgument, dateArgument, readOptions } from "../formats/options.js";
import { importRecipient } from "../keywrap/import.js";
import { hashText } from "./claims.js";
import { StatementType, signStatement } from "./jws.js";
import { importersArgument, type KeyImporters } from "./keys.js";
import { checkKeyset, LONGEST_DAYS, readKeysetPayload } from "./keyset.js";
import {
  decodeSigningJwk,
  encodeSigningJwk,
  type Signer,
  type SigningJwk,
  signerArgument,
  signingThumbprint,
} from "./signing-key.js";
import { checkValidity, pinArgument } from "./validity.js";

/** The public half of a bucket or recovery key: of `importRecipient`, `importXWingRecipient` or an identity's `recipient`. */
export interface PublishableRecipient {
  readonly thumbprint: string;
  toJwk(): object;
}

interface KeyClaims {
  readonly recipient: PublishableRecipient;
  /** When it may be sealed to, both ends included. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** When its private half and every copy of it are destroyed. */
  readonly destroyAfter: Date;
}

/** The key of a retention period: a recording whose `expiresAt` is from `expiresFrom` to `destroyAfter` is sealed to it. */
export interface BucketKeyClaims extends KeyClaims {
  readonly role: "bucket";
  readonly expiresFrom: Date;
  /** For recordings of these regions alone. */
  readonly regions?: readonly string[];
  /** Its recovery key, also in the list, destroyed at the same time. */
  readonly recovery: PublishableRecipient;
}

/** The second recipient of a bucket's recordings, whose private half is split among custodians. */
export interface RecoveryKeyClaims extends KeyClaims {
  readonly role: "recovery";
}

/** What {@link signKeyset} says. */
export type KeysetKeyClaims = BucketKeyClaims | RecoveryKeyClaims;

/** What a keyset says. */
export interface KeysetClaims {
  /** 32 hex digits, chosen once at random. No name. */
  readonly institution: string;
  /** Higher than that of the keyset, or root rotation, before it. */
  readonly sequence: number;
  /** Now unless given. */
  readonly issued?: Date;
  /** At most 90 days after `issued`. */
  readonly expires: Date;
  /** Full thumbprint of the next root key: a rotation to another one is refused. */
  readonly next?: string;
  /** Signs the directory. Not the root. */
  readonly registrar: SigningJwk;
  /** How many others approve a grant. */
  readonly approvals: 1 | 2;
  readonly keys: readonly KeysetKeyClaims[];
}

/** Options of {@link signKeyset}. */
export interface SignKeysetOptions {
  /** To check other keys than X25519 and P-256 before they are published. */
  readonly importers?: KeyImporters;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

const OPTIONS: Checks<SignKeysetOptions> = { importers: importersArgument, crypto: providerArgument };

const recipientArgument: Check<PublishableRecipient> = (name, value) => {
  const recipient = value as Partial<PublishableRecipient> | null;
  if (typeof recipient?.toJwk === "function" && typeof recipient.thumbprint === "string")
    return recipient as PublishableRecipient;
  throw wrongType(name, "a recipient, as importRecipient makes it", value);
};

const KEY: Checks<KeyClaims> = {
  recipient: recipientArgument,
  notBefore: dateArgument,
  notAfter: dateArgument,
  destroyAfter: dateArgument,
};
const KEY_MEMBERS = ["recipient", "notBefore", "notAfter", "destroyAfter"] as const;

const BUCKET: Checks<Omit<BucketKeyClaims, "role">> = {
  ...KEY,
  expiresFrom: dateArgument,
  recovery: recipientArgument,
  regions(name, value) {
    if (!Array.isArray(value)) throw wrongType(name, "a list of regions", value);
    return [...value].sort();
  },
};

const KEYSET: Checks<KeysetClaims> = {
  institution: POLICY.institution,
  sequence: countArgument,
  issued: dateArgument,
  expires: dateArgument,
  next: pinArgument,
  registrar: (_name, value) => encodeSigningJwk(decodeSigningJwk(value)),
  approvals(name, value) {
    if (value !== 1 && value !== 2) throw wrongType(name, "1 or 2", value);
    return value;
  },
  keys(name, value) {
    if (!Array.isArray(value)) throw wrongType(name, "a list of keys", value);
    return [...value];
  },
};

/**
 * Signs a keyset with the institution's root key, which may be a token or a ceremony of several people. The rules that readers
 * check are checked before.
 *
 * @returns a compact JWS, to be published where clients fetch it. It is public.
 * @throws BlindreelError `keyset-refused` with the reason for which readers would refuse it, `malformed`, `invalid-key`,
 *   `provider-fault` where the signer's signature is not of its key; TypeError, RangeError.
 */
export async function signKeyset(
  claims: KeysetClaims,
  signer: Signer,
  given?: SignKeysetOptions,
): Promise<string> {
  const options = readOptions<SignKeysetOptions>("options", given, OPTIONS);
  const { crypto = defaultProvider() } = options;
  const root = signerArgument("signer", signer);
  const {
    issued = new Date(),
    next,
    ...read
  } = readOptions<KeysetClaims>("claims", claims, KEYSET, [
    "institution",
    "sequence",
    "expires",
    "registrar",
    "approvals",
    "keys",
  ]);
  const payload: JsonObject = {
    ...read,
    issued: toSeconds(issued),
    expires: toSeconds(read.expires),
    ...(next && { next: hashText(next) }),
    registrar: { ...read.registrar },
    root: { ...encodeSigningJwk(root.publicKey) },
    keys: read.keys.map((key, i) => keyPayload(`claims.keys[${i}]`, key)),
  };
  const checked = readKeysetPayload(payload);
  checkValidity(checked, issued, LONGEST_DAYS, "keyset-refused");
  const thumbprint = encodeHex(await signingThumbprint(crypto, root.publicKey));
  await checkKeyset(checked, thumbprint, {
    crypto,
    importers: { EC: importRecipient, ...options.importers },
  });
  return signStatement(crypto, StatementType.keyset, payload, root);
}

function keyPayload(name: string, claims: KeysetKeyClaims): JsonObject {
  if (typeof claims !== "object" || claims === null) throw wrongType(name, "an object", claims);
  const { role, ...given } = claims;
  if (role !== "bucket" && role !== "recovery") throw wrongType(`${name}.role`, '"bucket" or "recovery"');
  if (role === "recovery") return { role, ...commonPayload(readOptions(name, given, KEY, KEY_MEMBERS)) };
  const bucket = readOptions<Omit<BucketKeyClaims, "role">>(name, given, BUCKET, [
    ...KEY_MEMBERS,
    "expiresFrom",
    "recovery",
  ]);
  return {
    role,
    ...commonPayload(bucket),
    expiresFrom: toSeconds(bucket.expiresFrom),
    recovery: hashText(pinArgument(`${name}.recovery`, bucket.recovery.thumbprint)),
    ...(bucket.regions && { regions: bucket.regions }),
  };
}

function commonPayload({ recipient, notBefore, notAfter, destroyAfter }: KeyClaims): JsonObject {
  return {
    kid: hashText(pinArgument("recipient.thumbprint", recipient.thumbprint)),
    jwk: { ...(recipient.toJwk() as JsonObject) },
    notBefore: toSeconds(notBefore),
    notAfter: toSeconds(notAfter),
    destroyAfter: toSeconds(destroyAfter),
  };
}
