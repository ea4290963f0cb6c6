import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import { isStrictPoint } from "../crypto/ed25519.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { POLICY } from "../envelope/policy.js";
import type { KeysetReference } from "../envelope/provenance.js";
import { malformed, type RotationFault, refused } from "../errors.js";
import { type Bytes, equalBytes } from "../formats/bytes.js";
import { INSTITUTION_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { encodeJson, type JsonObject } from "../formats/json.js";
import { type Checks, countArgument, readOptions } from "../formats/options.js";
import { type Claims, count, hexOf, readClaims, signingKeyClaim } from "./claims.js";
import { readStatement, StatementType, signStatement, statementBytes } from "./jws.js";
import { encodeSigningJwk, type Signer, signerArgument, signingThumbprint } from "./signing-key.js";
import { checkInstitution, checkSequence, checkSigner, pinArgument, seenArgument } from "./validity.js";

/**
 * A new root key: one payload, signed by the old root and by the new (format-v1, "Root rotation"). It repairs no stolen root, whose
 * thief can sign it too: then clients are pinned anew, by the way that the first pin came.
 */

const fail = (reason: RotationFault, sentence: string) => refused("rotation-refused", reason, sentence);

/** What {@link signRootRotation} says. */
export interface RootRotationClaims {
  /** 32 hex digits. */
  readonly institution: string;
  /** Higher than that of the last keyset of the old root; the first one of the new root has a higher one still. */
  readonly sequence: number;
}

/** Options of `signRootRotation`. */
export interface SignRotationOptions {
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

/**
 * Signs a rotation under the old root (`from`) and the new one (`to`).
 *
 * @returns two compact JWS with a line feed between: by the old root, then by the new.
 * @throws BlindreelError `rotation-refused` (`same-root`), `provider-fault`; TypeError, RangeError.
 */
export async function signRootRotation(
  claims: RootRotationClaims,
  roots: { readonly from: Signer; readonly to: Signer },
  given?: SignRotationOptions,
): Promise<string> {
  const { crypto = defaultProvider() } = readOptions<SignRotationOptions>("options", given, {
    crypto: providerArgument,
  });
  const { institution, sequence } = readOptions<RootRotationClaims>(
    "claims",
    claims,
    { institution: POLICY.institution, sequence: countArgument },
    ["institution", "sequence"],
  );
  const { from, to } = readOptions<typeof roots>("roots", roots, ROOTS, ["from", "to"]);
  const signers = [from, to] as const;
  if (equalBytes(signers[0].publicKey, signers[1].publicKey)) throw sameRoot();
  const [old, next] = signers.map(({ publicKey }) => ({ ...encodeSigningJwk(publicKey) }));
  const payload: JsonObject = { institution, sequence, from: old!, to: next! };
  const byOld = await signStatement(crypto, StatementType.rootRotation, payload, signers[0]);
  return `${byOld}\n${await signStatement(crypto, StatementType.rootRotation, payload, signers[1])}`;
}

const ROOTS: Checks<{ readonly from: Signer; readonly to: Signer }> = {
  from: signerArgument,
  to: signerArgument,
};

const sameRoot = () => fail("same-root", "the old and the new root are one key");

/** Options of `verifyRootRotation`. */
export interface VerifyRotationOptions {
  /** Full thumbprint of the root that this client is pinned to: the old one. */
  readonly pin: string;
  /** `seen` of the keyset that this client verified last. */
  readonly seen?: KeysetReference;
  /** `next` of that keyset: a rotation to another root is refused. */
  readonly announced?: string;
  readonly institution?: string;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

const VERIFY: Checks<VerifyRotationOptions> = {
  pin: pinArgument,
  seen: seenArgument,
  announced: pinArgument,
  institution: POLICY.institution,
  crypto: providerArgument,
};

interface Payload {
  readonly institution: string;
  readonly sequence: number;
  readonly from: Bytes;
  readonly to: Bytes;
}

const PAYLOAD: Claims<Payload> = {
  institution: hexOf(INSTITUTION_LENGTH),
  sequence: count,
  from: signingKeyClaim,
  to: signingKeyClaim,
};

/** What a client stores after a rotation, in place of what it had. */
export interface VerifiedRotation {
  readonly institution: string;
  /** Thumbprint of the new root, 64 hex digits. The old one is not accepted any more. */
  readonly pin: string;
  /** Sequences go on across roots. */
  readonly seen: KeysetReference;
}

/**
 * Verifies a change of root under the pin of the old one.
 *
 * @param rotation text or bytes, as {@link signRootRotation} returns it.
 * @throws BlindreelError `rotation-refused` with a reason, `malformed`, `invalid-json`, `limit-exceeded`; TypeError.
 */
export async function verifyRootRotation(
  rotation: string | Uint8Array,
  given: VerifyRotationOptions,
): Promise<VerifiedRotation> {
  const options = readOptions<VerifyRotationOptions>("options", given, VERIFY, ["pin"]);
  const { crypto = defaultProvider(), pin, announced } = options;
  const bytes = statementBytes("the rotation", rotation);
  const lines = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split("\n");
  if (lines.length !== 2) throw malformed("a root rotation is two lines", 0);
  const [byOld, byNew] = await Promise.all(
    lines.map((line) => readStatement(crypto, line, StatementType.rootRotation)),
  );
  const { institution, sequence, from, to } = readClaims<Payload>("the rotation", byOld!.payload, PAYLOAD);
  await checkSigner(crypto, byOld!, { thumbprint: pin, publicKey: from }, "rotation-refused");
  if (!equalBytes(encodeJson(byOld!.payload), encodeJson(byNew!.payload)))
    throw fail("different-statements", "the old and the new root do not say the same");
  if (equalBytes(from, to)) throw sameRoot();
  if (!isStrictPoint(to)) throw fail("weak-key", "the new root's key is weak");
  const thumbprint = encodeHex(await signingThumbprint(crypto, to));
  await checkSigner(crypto, byNew!, { thumbprint, publicKey: to }, "rotation-refused");
  checkInstitution(institution, options.institution, "rotation-refused");
  if (announced !== undefined && announced !== thumbprint)
    throw fail("not-announced", `the keyset announced ${announced} as the next root, not ${thumbprint}`);
  const seen = { sequence, hash: encodeHex(await crypto.digest("SHA-256", bytes)) };
  checkSequence(seen, options.seen, "rotation-refused");
  return { institution, pin: thumbprint, seen };
}
