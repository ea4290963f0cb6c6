import type { CryptoProvider } from "../crypto/provider.js";
import { ENVELOPE } from "../envelope/create.js";
import { openObject } from "../envelope/open.js";
import { sealObject } from "../envelope/seal.js";
import { UNLOCK, type UnlockArguments, type UnlockOptions } from "../envelope/unlock.js";
import { invalidKey, invalidRecipients, wrongType } from "../errors.js";
import { type Bytes, bytesArgument, wipe } from "../formats/bytes.js";
import { CLASSICAL_SLOT_TYPES, KEY_ID_LENGTH, LIMITS } from "../formats/constants.js";
import { decodeJson, encodeJson, type JsonObject } from "../formats/json.js";
import { asGiven, type Checks, functionArgument, readOptions, signalArgument } from "../formats/options.js";
import { checkExpected, thumbprintArgument } from "../keywrap/expected.js";
import { type ExportableIdentity, importIdentity, type KeyIdentity } from "../keywrap/import.js";
import type { Identity, Recipient } from "../keywrap/types.js";

/**
 * Identities at rest (format-v1, "Identity file"): the private key as canonical JSON of its JWK, sealed as an object of
 * kind `identity` to a passphrase, to passkeys or to other identities.
 */

/**
 * A key that this process can export: of `generateIdentity`, `importIdentity`, `blindreel/x-wing`, and signing keys
 * (`generateSigningKey`).
 */
export interface ProtectableKey {
  /** 64 hex digits. */
  readonly thumbprint: string;
  /** Of keys that open; signing keys have none. */
  readonly recipient?: Recipient;
  toJwk(): object;
}

/** A {@link ProtectableKey} that opens. */
export interface ProtectableIdentity extends ProtectableKey, Identity {
  readonly recipient: Recipient;
}

/** Options of {@link protectIdentity}. */
export interface ProtectOptions {
  /** A passphrase alone, or passkeys and other identities, each of which can open it. */
  readonly to: Recipient | readonly Recipient[];
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
  readonly signal?: AbortSignal;
}

const PROTECT: Checks<ProtectOptions> = {
  to: asGiven,
  crypto: ENVELOPE.crypto,
  signal: signalArgument,
};

/**
 * Seals a private key. Keep the thumbprint beside it, where whoever stores the file cannot change it: opening requires it.
 *
 * @throws TypeError for an identity that cannot be exported (an HSM's, a non-extractable `CryptoKey`); BlindreelError
 *   `invalid-recipients`, also for a key that is sealed to itself, and a hybrid one to a classical one; `signal.reason`.
 */
export async function protectIdentity(identity: ProtectableKey, given: ProtectOptions): Promise<Bytes> {
  const options = readOptions<ProtectOptions>("options", given, PROTECT, ["to"]);
  exportableArgument("identity", identity);
  const to: readonly Recipient[] = Array.isArray(options.to) ? [...options.to] : [options.to as Recipient];
  const jwk = identity.toJwk() as JsonObject;
  // By the key itself: it may come without its recipient.
  if (jwk.kty === "AKP" && to.some(isClassical))
    throw invalidRecipients("a hybrid key sealed to a classical one would be no better than that one");
  refuseItself(identity, to);
  const plaintext = encodeJson(jwk);
  try {
    return await sealObject("identity", plaintext, { ...options, to });
  } finally {
    wipe(plaintext);
  }
}

/** @throws TypeError. */
export function exportableArgument(name: string, key: ProtectableKey): void {
  if (typeof key?.toJwk !== "function" || typeof key.thumbprint !== "string")
    throw wrongType(name, "one that can be exported: it has toJwk and a thumbprint", key);
}

/** The last copy of a key, sealed to the key, is lost. @throws BlindreelError `invalid-recipients`. */
export function refuseItself({ thumbprint }: ProtectableKey, to: readonly Recipient[]): void {
  const keyId = thumbprint.slice(0, 2 * KEY_ID_LENGTH);
  if (to.some((recipient) => recipient?.thumbprint === thumbprint || recipient?.keyId === keyId))
    throw invalidRecipients("a key sealed to itself opens for nobody");
}

function isClassical(recipient: Recipient): boolean {
  return CLASSICAL_SLOT_TYPES.includes(recipient?.slotType);
}

/** Options of {@link unlockIdentity}. */
export interface UnlockIdentityOptions<K extends ProtectableKey = ExportableIdentity<KeyIdentity>>
  extends Pick<UnlockOptions, "identities" | "crypto" | "limits"> {
  /** Full thumbprint of the identity, 64 hex digits: HPKE authenticates no sender, so a server could offer a pair of its own. */
  readonly expected: string;
  /** Of the kind of key: `importIdentity` unless stated, `importXWingIdentity`, `importSigningKey`. */
  readonly importKey?: (jwk: never) => Promise<K>;
}

interface UnlockIdentityArguments<K extends ProtectableKey> extends UnlockArguments {
  readonly expected: string;
  readonly importKey?: (jwk: object) => Promise<K>;
}

const UNLOCK_IDENTITY = {
  identities: UNLOCK.identities,
  crypto: UNLOCK.crypto,
  limits: UNLOCK.limits,
  expected: thumbprintArgument,
  importKey: functionArgument,
};

/**
 * Opens what {@link protectIdentity} sealed.
 *
 * @throws BlindreelError as `open`; `wrong-kind` for another object; `unexpected-identity` where the key inside is not the one
 *   expected; `invalid-key` where its halves do not belong together.
 */
export async function unlockIdentity<K extends ProtectableKey = ExportableIdentity<KeyIdentity>>(
  file: Uint8Array,
  given: UnlockIdentityOptions<K>,
): Promise<K> {
  const options = readOptions<UnlockIdentityArguments<K>>(
    "options",
    given,
    UNLOCK_IDENTITY as unknown as Checks<UnlockIdentityArguments<K>>,
    ["identities", "expected"],
  );
  const { expected, importKey = importIdentity as never, ...unlocking } = options;
  const own = bytesArgument("file", file).slice();
  const { data } = await openObject("identity", own, { ...unlocking, limits: unlocking.limits ?? LIMITS });
  try {
    const jwk = decodeJson(data, "the identity file");
    if (typeof jwk !== "object" || jwk === null) throw invalidKey("the identity file holds no key");
    return checkExpected(await (importKey as (jwk: object) => Promise<K>)(jwk), expected);
  } finally {
    wipe(data);
  }
}
