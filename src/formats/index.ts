/** `blindreel/formats`: encodings of values and keys. Synchronous, without cryptography. */
export type { Bytes } from "./bytes.js";
export type { Limits } from "./constants.js";
export { Kind, LIMITS, Magic, SlotType } from "./constants.js";
export { decodeBase64Url, decodeHex, encodeBase64Url, encodeHex } from "./encoding.js";
export type { JsonObject, JsonValue } from "./json.js";
export { decodeJson, encodeJson } from "./json.js";
export type { OkpJwk, OkpPrivateJwk } from "./jwk.js";
export { decodePrivateJwk, decodePublicJwk, encodePrivateJwk, encodePublicJwk } from "./jwk.js";
export { decodePrivatePem, decodePublicPem, encodePrivatePem, encodePublicPem } from "./pem.js";
