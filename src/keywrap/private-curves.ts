import { p256Of } from "../crypto/p256.js";
import type { CryptoProvider, PrivateKeyHandle } from "../crypto/provider.js";
import { webCryptoHandle, webCryptoProvider } from "../crypto/webcrypto.js";
import { webCryptoP256 } from "../crypto/webcrypto-p256.js";
import { type Bytes, isAllZero, type MaybePromise } from "../formats/bytes.js";
import { KEY_LENGTH } from "../formats/constants.js";
import { encodeBase64Url } from "../formats/encoding.js";
import { type CurveName, type EcPrivateJwk, type OkpPrivateJwk, p256Jwk, x25519Jwk } from "../formats/jwk.js";
import { checkedDh, type DhGroup, type RecipientPrivateKey } from "./dhkem.js";
import { P256Identity, type P256Recipient, p256Group, p256ScalarFault } from "./p256.js";
import { X25519Identity, type X25519Recipient, x25519Group } from "./x25519.js";

/** What importing and exporting a private key needs to know of its curve. */
export interface PrivateCurve {
  readonly group: DhGroup;
  privateKeyFault(privateKey: Bytes): string | undefined;
  derivePublicKey(crypto: CryptoProvider, privateKey: Bytes): MaybePromise<Bytes>;
  importPrivate(crypto: CryptoProvider, privateKey: Bytes, publicKey: Bytes): MaybePromise<PrivateKeyHandle>;
  privateJwk(publicKey: Bytes, privateKey: Bytes): OkpPrivateJwk | EcPrivateJwk;
  identity(
    recipient: X25519Recipient | P256Recipient,
    agree: RecipientPrivateKey["agree"],
  ): X25519Identity | P256Identity;
  /** The agreement of a platform's key. */
  agreeOnPlatform(privateKey: CryptoKey, publicKey: Bytes): Promise<Bytes>;
}

/** u = 9, the base point (RFC 7748 §4.1): agreeing with it gives a private key's public half on any backend. */
export const X25519_BASE_POINT: Bytes = /* @__PURE__ */ basePoint();

function basePoint(): Bytes {
  const u = new Uint8Array(KEY_LENGTH);
  u[0] = 9;
  return u;
}

const x25519: PrivateCurve = {
  group: x25519Group,
  privateKeyFault(privateKey) {
    if (privateKey.length !== KEY_LENGTH) return `must be ${KEY_LENGTH} bytes, got ${privateKey.length}`;
    return isAllZero(privateKey) ? "of zeros is no secret" : undefined;
  },
  async derivePublicKey(crypto, privateKey) {
    const handle = await crypto.importX25519(privateKey);
    return checkedDh(crypto, x25519Group, handle, await crypto.importX25519PublicKey(X25519_BASE_POINT));
  },
  importPrivate: (crypto, privateKey) => crypto.importX25519(privateKey),
  privateJwk: (publicKey, privateKey) => ({ ...x25519Jwk(publicKey), d: encodeBase64Url(privateKey) }),
  identity: (recipient, agree) => new X25519Identity(recipient as X25519Recipient, agree),
  async agreeOnPlatform(privateKey, publicKey) {
    const peer = await webCryptoProvider.importX25519PublicKey(publicKey);
    return webCryptoProvider.agreeX25519(webCryptoHandle(privateKey), peer);
  },
};

const p256: PrivateCurve = {
  group: p256Group,
  privateKeyFault: p256ScalarFault,
  derivePublicKey: (crypto, privateKey) => p256Of(crypto).derivePublicKey(privateKey),
  importPrivate: (crypto, privateKey, publicKey) => p256Of(crypto).importPrivate(privateKey, publicKey),
  privateJwk: (publicKey, privateKey) => p256Jwk(publicKey, privateKey) as EcPrivateJwk,
  identity: (recipient, agree) => new P256Identity(recipient as P256Recipient, agree),
  async agreeOnPlatform(privateKey, publicKey) {
    return webCryptoP256.agree(webCryptoHandle(privateKey), await webCryptoP256.importPublic(publicKey));
  },
};

export const PRIVATE_CURVES: Readonly<Record<CurveName, PrivateCurve>> = { X25519: x25519, "P-256": p256 };
