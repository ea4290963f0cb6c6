import { malformed, wrongType } from "../errors.js";
import { type Bytes, singleBytes } from "./bytes.js";

/**
 * RFC 4648 encodings by `btoa` and `atob`, strict: one text for one byte string. Wrong padding, white space,
 * non-zero trailing bits and upper-case hex are `malformed`. Messages never quote the text, which may be a
 * key.
 */

export function encodeBase64(bytes: Uint8Array): string {
  let characters = "";
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
}

export function encodeBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_");
}

/** Of every byte: an envelope may name thousands of keys. */
const HEX = /* @__PURE__ */ Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function encodeHex(bytes: Uint8Array): string {
  let digits = "";
  for (const byte of bytes) digits += HEX[byte];
  return digits;
}

export function decodeBase64(text: string): Bytes {
  return decodeStrictly(text, "base64", fromBase64, encodeBase64);
}

export function decodeBase64Url(text: string): Bytes {
  return decodeStrictly(text, "unpadded base64url", fromBase64Url, encodeBase64Url);
}

/** Whether `text` is lowercase hex of exactly `length` bytes. */
export function isHex(text: string, length: number): boolean {
  return text.length === 2 * length && /^[0-9a-f]*$/.test(text);
}

export function decodeHex(text: string): Bytes {
  return decodeStrictly(text, "lowercase hex", fromHex, encodeHex);
}

/** The platform's forgiving decoder (WHATWG Infra, "forgiving-base64 decode"). @throws DOMException. */
function fromBase64(text: string): Bytes {
  return singleBytes(atob(text));
}

function fromBase64Url(text: string): Bytes {
  return fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
}

function fromHex(text: string): Bytes {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Re-encodes and compares: only the canonical form passes, whatever the platform accepts. */
function decodeStrictly(
  text: string,
  name: string,
  parse: (text: string) => Bytes,
  encode: (bytes: Bytes) => string,
): Bytes {
  if (typeof text !== "string") throw wrongType("text", "a string", text);
  let bytes: Bytes | undefined;
  try {
    bytes = parse(text);
  } catch {
    // No `cause`: some platforms' messages quote the text.
  }
  if (!bytes || encode(bytes) !== text) throw malformed(`this is not canonical ${name}`, 0);
  return bytes;
}
