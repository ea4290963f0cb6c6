import { base64, base64urlnopad, hex } from "@scure/base";
import type { Bytes } from "./bytes.js";

/** RFC 4648 encodings, strict: no padding, white space or non-zero trailing bits beyond what the form allows. */

export const encodeBase64Url = (bytes: Uint8Array): string => base64urlnopad.encode(bytes);
export const decodeBase64Url = (text: string): Bytes => base64urlnopad.decode(text) as Bytes;
export const encodeBase64 = (bytes: Uint8Array): string => base64.encode(bytes);
export const decodeBase64 = (text: string): Bytes => base64.decode(text) as Bytes;
export const encodeHex = (bytes: Uint8Array): string => hex.encode(bytes);
export const decodeHex = (text: string): Bytes => hex.decode(text) as Bytes;
