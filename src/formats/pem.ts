import { invalidKey } from "../errors.js";
import { type Bytes, concatBytes, equalBytes } from "./bytes.js";
import { KEY_LENGTH } from "./constants.js";
import { X25519_PKCS8, X25519_SPKI } from "./der.js";
import { decodeBase64, encodeBase64 } from "./encoding.js";

/** PEM (RFC 7468) of X25519 keys. A comparison of the DER prefix is a full parse (`der.ts`). */

const PUBLIC_LABEL = "PUBLIC KEY";
const PRIVATE_LABEL = "PRIVATE KEY";

export function encodePublicPem(publicKey: Uint8Array): string {
  return armour(PUBLIC_LABEL, concatBytes(X25519_SPKI, publicKey));
}

export function encodePrivatePem(privateKey: Uint8Array): string {
  return armour(PRIVATE_LABEL, concatBytes(X25519_PKCS8, privateKey));
}

/** @returns the 32 raw bytes. @throws BlindreelError `invalid-key`, for a private key too. */
export function decodePublicPem(pem: string): Bytes {
  return strip(pem, PUBLIC_LABEL, X25519_SPKI, "a public key");
}

/** @returns the 32 raw bytes. @throws BlindreelError `invalid-key`, for a public key too. */
export function decodePrivatePem(pem: string): Bytes {
  return strip(pem, PRIVATE_LABEL, X25519_PKCS8, "a private key");
}

function armour(label: string, der: Bytes): string {
  return `-----BEGIN ${label}-----\n${encodeBase64(der)}\n-----END ${label}-----\n`;
}

function strip(pem: string, label: string, prefix: Bytes, expected: string): Bytes {
  const block = /^\s*-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*$/.exec(pem);
  if (!block) throw invalidKey("this is not one PEM block");
  if (block[1] !== label) throw invalidKey(`a PEM of "${label}" is needed (${expected}), got "${block[1]}"`);
  let der: Bytes;
  try {
    der = decodeBase64(block[2]!.replace(/[\r\n]/g, ""));
  } catch {
    throw invalidKey("the PEM block is not canonical base64");
  }
  const hasPrefix = equalBytes(der.subarray(0, prefix.length), prefix);
  if (!hasPrefix || der.length !== prefix.length + KEY_LENGTH)
    throw invalidKey(`the PEM block is not ${expected} for X25519 in the form of RFC 8410`);
  return der.slice(prefix.length);
}
