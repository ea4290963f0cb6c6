import { outOfRange } from "../errors.js";
import { KEY_LENGTH } from "../formats/constants.js";

/** 96 bits: the only nonces that GCM uses as they are (NIST SP 800-38D §7.1); others are hashed, and may collide. */
export const NONCE_LENGTH = 12;

/** Backends accept different lengths; these are the same for all. @throws RangeError. */
export function checkNonce(nonce: Uint8Array): void {
  if (nonce.length !== NONCE_LENGTH) throw outOfRange("nonce length", `${NONCE_LENGTH} bytes`, nonce.length);
}

/** Without this a backend would quietly make an AES-128 key of 16 bytes. @throws RangeError. */
export function checkAeadKey(key: Uint8Array): void {
  if (key.length !== KEY_LENGTH) throw outOfRange("AES-256 key length", `${KEY_LENGTH} bytes`, key.length);
}
