import { type Bytes, compareBytes, concatBytes } from "./bytes.js";
import { P256_POINT_LENGTH } from "./constants.js";
import { decodeHex } from "./encoding.js";
import type { CurveName, RawPrivateKey, RawPublicKey } from "./jwk.js";

/** Key files of PKIX as this package writes them: what stands before and between the keys never varies. */

/** Before the 32 bytes of a private key in PKCS#8, id-X25519 (RFC 8410 §7). */
export const X25519_PKCS8: Bytes = /* @__PURE__ */ decodeHex("302e020100300506032b656e04220420");
/** The same, id-Ed25519. */
export const ED25519_PKCS8: Bytes = /* @__PURE__ */ decodeHex("302e020100300506032b657004220420");

/** Before a public key in SubjectPublicKeyInfo: id-X25519 (RFC 8410 §4), id-ecPublicKey on secp256r1 (RFC 5480 §2.1.1). */
const SPKI: Readonly<Record<CurveName, string>> = {
  X25519: "302a300506032b656e032100",
  "P-256": "3059301306072a8648ce3d020106082a8648ce3d030107034200",
};

/** Before the scalar in PKCS#8 with an ECPrivateKey (RFC 5915 §3), and between it and the point. */
const P256_PKCS8 = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420";
const P256_POINT = "a144034200";

export function encodeSpki({ curve, publicKey }: RawPublicKey): Bytes {
  return concatBytes(decodeHex(SPKI[curve]), publicKey);
}

/** DER has one encoding for one key; undefined for anything else. */
export function decodeSpki(bytes: Bytes): RawPublicKey | undefined {
  for (const [curve, length] of [
    ["X25519", 32],
    ["P-256", P256_POINT_LENGTH],
  ] as const) {
    const publicKey = bytes.slice(-length);
    if (compareBytes(encodeSpki({ curve, publicKey }), bytes) === 0) return { curve, publicKey };
  }
  return undefined;
}

/** As OpenSSL writes it: version 1, no attributes, the point of P-256 behind its scalar. */
export function encodePkcs8({
  curve,
  publicKey,
  privateKey,
}: RawPublicKey & Pick<RawPrivateKey, "privateKey">): Bytes {
  return curve === "X25519"
    ? concatBytes(X25519_PKCS8, privateKey)
    : concatBytes(decodeHex(P256_PKCS8), privateKey, decodeHex(P256_POINT), publicKey);
}
