import { outOfRange } from "../errors.js";
import { KEY_LENGTH } from "../formats/constants.js";

/** 96 bits: GCM hashes nonces of other lengths, which may then collide (NIST SP 800-38D §7.1). */
export const NONCE_LENGTH = 12;

/** One nonce length for every backend. @throws RangeError. */
export function checkNonce(nonce: Uint8Array): void {
  if (nonce.length !== NONCE_LENGTH) throw outOfRange("nonce length", `${NONCE_LENGTH} bytes`, nonce.length);
}

/** AES-256 only: a backend makes an AES-128 key of 16 bytes without an error. @throws RangeError. */
export function checkAeadKey(key: Uint8Array): void {
  if (key.length !== KEY_LENGTH) throw outOfRange("AES-256 key length", `${KEY_LENGTH} bytes`, key.length);
}
