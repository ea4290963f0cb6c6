import type { Bytes } from "../formats/bytes.js";
import { SIGNATURE_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import type { CryptoProvider, PrivateKeyHandle } from "./provider.js";
import { signaturesOf, verifyEquation } from "./signatures.js";
import { webCryptoSignatures } from "./webcrypto-signatures.js";

/** p and L (RFC 8032 §5.1). */
const p = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** y of two points of order 8; p minus it is that of the other two. */
const ORDER_8_Y = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;

/** y coordinates of the eight points of small order (1, 2, 4, 4, 8, 8, 8, 8), for either sign of x. */
const SMALL_ORDER_Y: readonly bigint[] = [0n, 1n, p - 1n, ORDER_8_Y, p - ORDER_8_Y];

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
  if (toInteger(signature.subarray(32)) >= L) return false;
  return verifyEquation(crypto, publicKey, message, signature);
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
  const y = BigInt.asUintN(255, toInteger(encoded));
  return y < p && !SMALL_ORDER_Y.includes(y);
}

/** Little-endian, of a public value: the time of big integers depends on them. */
const toInteger = (bytes: Bytes): bigint => BigInt(`0x${encodeHex(bytes.slice().reverse())}`);
