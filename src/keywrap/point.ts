import { invalidKey } from "../errors.js";
import { type Bytes, equalBytes, isAllZero } from "../formats/bytes.js";
import { KEY_LENGTH } from "../formats/constants.js";
import { decodeHex } from "../formats/encoding.js";

/**
 * Checks of X25519 public keys before any backend, since backends differ: canonical u coordinates, not of low
 * order (RFC 7748 §6.1, RFC 9180 §7.1.4; format-v1, "Slot type 1").
 */

/** Canonical u of the points of order 1, 2, 4 and 8 on the curve and its twist, little-endian. */
const LOW_ORDER_U: readonly Bytes[] = /* @__PURE__ */ [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map(decodeHex);

/** Whether `u` is below p = 2^255 - 19, with the unused top bit clear. */
function isCanonical(u: Bytes): boolean {
  if (u[31]! > 0x7f) return false;
  if (u[31]! < 0x7f || u.subarray(1, 31).some((byte) => byte !== 0xff)) return true;
  return u[0]! < 0xed;
}

/** The reason against `publicKey`, undefined for a valid one. */
export function publicKeyFault(publicKey: Bytes): string | undefined {
  if (publicKey.length !== KEY_LENGTH) return `must be ${KEY_LENGTH} bytes, got ${publicKey.length}`;
  if (!isCanonical(publicKey)) return "is not canonically encoded";
  if (LOW_ORDER_U.some((low) => equalBytes(low, publicKey))) return "is a point of low order";
  return undefined;
}

/** For configured keys, not for `enc`. @throws BlindreelError `invalid-key` with the reason. */
export function checkPublicKey(publicKey: Bytes): Bytes {
  const fault = publicKeyFault(publicKey);
  if (fault) throw invalidKey(`the X25519 public key ${fault}`);
  return publicKey;
}

/** RFC 7748 §6.1: refuses the all-zero shared secret. @throws BlindreelError `invalid-key`. */
export function checkSharedSecret(dh: Bytes): Bytes {
  if (isAllZero(dh)) throw invalidKey("the X25519 agreement gave an all-zero secret");
  return dh;
}
