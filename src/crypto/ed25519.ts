import { type Bytes, equalBytes } from "../formats/bytes.js";
import { SIGNATURE_LENGTH } from "../formats/constants.js";
import type { CryptoProvider, PrivateKeyHandle } from "./provider.js";
import { signaturesOf } from "./signatures.js";
import { webCryptoSignatures } from "./webcrypto-signatures.js";

/** p and L (RFC 8032 §5.1), little-endian as on the wire. */
const FIELD_PRIME = /* @__PURE__ */ littleEndian(2n ** 255n - 19n);
const GROUP_ORDER = /* @__PURE__ */ littleEndian(2n ** 252n + 27742317777372353535851937790883648493n);

/** y coordinates of the eight points of small order (1, 2, 4, 4, 8, 8, 8, 8), for either sign of x. */
const SMALL_ORDER_Y: readonly Bytes[] = /* @__PURE__ */ [
  0n,
  1n,
  2n ** 255n - 20n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
].map(littleEndian);

/**
 * Verifies strict Ed25519 (RFC 8032 §5.1.7, cofactorless; format-v1, "Signatures"): S < L, A and R canonical
 * and not of small order. Checked before the backend, since platforms differ (some accept a small-order A).
 *
 * @param publicKey 32 bytes. @param signature 64 bytes. Other lengths are invalid signatures, not errors.
 */
export async function verifyEd25519(
  crypto: CryptoProvider,
  publicKey: Bytes,
  message: Bytes,
  signature: Bytes,
): Promise<boolean> {
  if (signature.length !== SIGNATURE_LENGTH || !isStrictPoint(publicKey)) return false;
  if (!isStrictPoint(signature.subarray(0, 32))) return false;
  if (!isBelow(signature.subarray(32), GROUP_ORDER)) return false;
  return signaturesOf(crypto).verifyEd25519(publicKey, message, signature);
}

/** Signs (RFC 8032 §5.1.6), a platform `CryptoKey` always by WebCrypto. @returns 64 bytes. */
export async function signEd25519(
  crypto: CryptoProvider,
  privateKey: PrivateKeyHandle,
  message: Bytes,
): Promise<Bytes> {
  const isPlatform = privateKey.backend === webCryptoSignatures.name;
  const backend = isPlatform ? webCryptoSignatures : signaturesOf(crypto);
  return backend.signEd25519(privateKey, message);
}

/** Whether `encoded` is canonical (y < p) and not a point of small order. */
export function isStrictPoint(encoded: Bytes): boolean {
  if (encoded.length !== 32) return false;
  const y = encoded.slice();
  y[31]! &= 0x7f;
  if (!isBelow(y, FIELD_PRIME)) return false;
  return !SMALL_ORDER_Y.some((small) => equalBytes(small, y));
}

/** Little-endian comparison of public values. */
function isBelow(value: Uint8Array, limit: Uint8Array): boolean {
  for (let i = limit.length - 1; i >= 0; i--) {
    if (value[i]! !== limit[i]!) return value[i]! < limit[i]!;
  }
  return false;
}

function littleEndian(value: bigint): Bytes {
  const bytes = new Uint8Array(32);
  let rest = value;
  for (let i = 0; i < 32; i++) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}
