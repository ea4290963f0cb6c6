import { base64, base64urlnopad, hex } from "@scure/base";
import { malformed, wrongType } from "../errors.js";
import type { Bytes } from "./bytes.js";

/**
 * RFC 4648 encodings, strict: one text for one byte string. Padding, white space, non-zero trailing bits and
 * upper-case hex beyond what the form has are refused with `malformed`, whose message never quotes the text: it may
 * be a key.
 */

export const encodeBase64Url = (bytes: Uint8Array): string => base64urlnopad.encode(bytes);
export const decodeBase64Url = (text: string): Bytes => strictly(base64urlnopad, text, "unpadded base64url");
export const encodeBase64 = (bytes: Uint8Array): string => base64.encode(bytes);
export const decodeBase64 = (text: string): Bytes => strictly(base64, text, "base64");
export const encodeHex = (bytes: Uint8Array): string => hex.encode(bytes);
export const decodeHex = (text: string): Bytes => strictly(hex, text, "lowercase hex");

/** Encodes again and compares: what a library accepts beyond the canonical form cannot slip through. */
function strictly(
  coder: { decode(text: string): Uint8Array; encode(bytes: Uint8Array): string },
  text: string,
  name: string,
): Bytes {
  if (typeof text !== "string") throw wrongType("text", "a string", text);
  let bytes: Uint8Array | undefined;
  try {
    bytes = coder.decode(text);
  } catch {
    // The library's message quotes the text.
  }
  if (!bytes || coder.encode(bytes) !== text) throw malformed(`this is not canonical ${name}`, 0);
  return bytes as Bytes;
}
