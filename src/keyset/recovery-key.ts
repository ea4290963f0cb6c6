import type { CryptoProvider } from "../crypto/provider.js";
import { invalidKey, wrongType } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { KEY_LENGTH, SlotType } from "../formats/constants.js";
import { decodeBase64Url } from "../formats/encoding.js";
import type { OkpPrivateJwk } from "../formats/jwk.js";
import { importIdentity } from "../keywrap/import.js";
import { PRIVATE_CURVES } from "../keywrap/private-curves.js";
import type { ProtectableIdentity } from "./identity-file.js";
import { ShareKem } from "./share-format.js";

/** The key that is split: 32 bytes of a recovery identity, and back. */

const KEM_OF: Readonly<Record<number, ShareKem>> = {
  [SlotType.p256]: ShareKem.p256,
  [SlotType.x25519]: ShareKem.x25519,
  [SlotType.xWing]: ShareKem.xWing,
};

export function kemOf({ recipient }: ProtectableIdentity): ShareKem {
  const kem = KEM_OF[recipient?.slotType];
  if (kem !== undefined) return kem;
  throw wrongType("identity", "of X25519, P-256 or X-Wing", recipient);
}

/** The scalar, or the seed: 32 bytes, which the caller wipes. */
export function privateKeyOf(identity: ProtectableIdentity, kem: ShareKem): Bytes {
  const { d, priv } = identity.toJwk() as { readonly d?: unknown; readonly priv?: unknown };
  const text = kem === ShareKem.xWing ? priv : d;
  const bytes = typeof text === "string" ? decodeBase64Url(text) : undefined;
  if (bytes?.length === KEY_LENGTH) return bytes;
  throw invalidKey("the identity's JWK has no private half of its kind");
}

/** Once shares are all that is left of a key, it is too late to find out whose it was. @throws BlindreelError `invalid-key`. */
export async function checkPair(
  privateKey: Bytes,
  kem: ShareKem,
  thumbprint: string,
  crypto: CryptoProvider,
): Promise<void> {
  // Of a hybrid key alone: the others' ceremonies load nothing post-quantum.
  const importKey =
    kem === ShareKem.xWing ? (await import("../keywrap/x-wing.js")).importXWingIdentity : undefined;
  if ((await recoveryIdentityOf(privateKey, kem, crypto, importKey)).thumbprint !== thumbprint)
    throw invalidKey("the identity's private half is not that of its thumbprint");
}

export async function recoveryIdentityOf(
  privateKey: Bytes,
  kem: ShareKem,
  crypto: CryptoProvider,
  importKey: ((seed: Bytes) => Promise<ProtectableIdentity>) | undefined,
): Promise<ProtectableIdentity> {
  // A copy: hybrid identities keep their seed.
  if (kem === ShareKem.xWing) return importKey!(privateKey.slice());
  const curve = PRIVATE_CURVES[kem === ShareKem.p256 ? "P-256" : "X25519"];
  const publicKey = await curve.derivePublicKey(crypto, privateKey);
  const jwk = curve.privateJwk(publicKey, privateKey) as OkpPrivateJwk;
  return importIdentity(jwk, { crypto });
}
