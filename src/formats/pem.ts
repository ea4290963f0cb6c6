import { invalidKey } from "../errors.js";
import { type Bytes, compareBytes, concatBytes } from "./bytes.js";
import { KEY_LENGTH } from "./constants.js";
import { decodeBase64, decodeHex, encodeBase64 } from "./encoding.js";

/** PEM (RFC 7468) of X25519 keys. RFC 8410 leaves one DER form for each, so a prefix check is a full parse. */

/** SubjectPublicKeyInfo, id-X25519 (RFC 8410 §4). */
const SPKI_PREFIX = /* @__PURE__ */ decodeHex("302a300506032b656e032100");
/** PKCS#8 OneAsymmetricKey v1, id-X25519, no attributes (RFC 8410 §7). */
const PKCS8_PREFIX = /* @__PURE__ */ decodeHex("302e020100300506032b656e04220420");

const PUBLIC_LABEL = "PUBLIC KEY";
const PRIVATE_LABEL = "PRIVATE KEY";

export function encodePublicPem(publicKey: Uint8Array): string {
  return armour(PUBLIC_LABEL, concatBytes(SPKI_PREFIX, publicKey));
}

export function encodePrivatePem(privateKey: Uint8Array): string {
  return armour(PRIVATE_LABEL, concatBytes(PKCS8_PREFIX, privateKey));
}

/** @returns the 32 raw bytes. @throws BlindreelError `invalid-key`, also when it is a private key. */
export function decodePublicPem(pem: string): Bytes {
  return strip(pem, PUBLIC_LABEL, SPKI_PREFIX, "a public key");
}

/** @returns the 32 raw bytes. @throws BlindreelError `invalid-key`, also when it is a public key. */
export function decodePrivatePem(pem: string): Bytes {
  return strip(pem, PRIVATE_LABEL, PKCS8_PREFIX, "a private key");
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
  const known =
    der.length === prefix.length + KEY_LENGTH && compareBytes(der.subarray(0, prefix.length), prefix) === 0;
  if (!known) throw invalidKey(`the PEM block is not ${expected} for X25519 in the form of RFC 8410`);
  return der.slice(prefix.length);
}
