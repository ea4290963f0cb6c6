import type { CryptoProvider } from "../crypto/provider.js";
import { invalidKey } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import {
  type CurveName,
  type EcJwk,
  type OkpJwk,
  p256Jwk,
  type RawPublicKey,
  x25519Jwk,
} from "../formats/jwk.js";
import { P256Recipient, p256Fault } from "./p256.js";
import { thumbprint } from "./thumbprint.js";
import { X25519Recipient, x25519Fault } from "./x25519.js";

/** What importing a public key needs to know of its curve. Apart from private keys: a page that only seals has none. */
export interface PublicCurve {
  publicKeyFault(publicKey: Bytes): string | undefined;
  publicJwk(publicKey: Bytes): OkpJwk | EcJwk;
  recipient(publicKey: Bytes, thumbprint: Bytes): X25519Recipient | P256Recipient;
}

export const PUBLIC_CURVES: Readonly<Record<CurveName, PublicCurve>> = {
  X25519: {
    publicKeyFault: x25519Fault,
    publicJwk: x25519Jwk,
    recipient: (publicKey, thumbprint) => new X25519Recipient(publicKey, thumbprint),
  },
  "P-256": {
    publicKeyFault: p256Fault,
    publicJwk: p256Jwk,
    recipient: (publicKey, thumbprint) => new P256Recipient(publicKey, thumbprint),
  },
};

/** @throws BlindreelError `invalid-key` with the reason. */
export function checkPublicKey(curve: CurveName, publicKey: Bytes): Bytes {
  const fault = PUBLIC_CURVES[curve].publicKeyFault(publicKey);
  if (fault) throw invalidKey(`the ${curve} public key ${fault}`);
  return publicKey;
}

/** @throws BlindreelError `invalid-key` with the reason. */
export async function recipientOf(
  key: RawPublicKey,
  crypto: CryptoProvider,
): Promise<X25519Recipient | P256Recipient> {
  const publicKey = checkPublicKey(key.curve, key.publicKey);
  const curve = PUBLIC_CURVES[key.curve];
  return curve.recipient(publicKey, await thumbprint(crypto, curve.publicJwk(publicKey)));
}
