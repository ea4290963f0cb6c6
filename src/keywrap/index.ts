/**
 * `blindreel/keywrap`: recipients, identities, and the wrapping of file keys (HPKE, RFC 9180).
 *
 * @module blindreel/keywrap
 * @category Institution
 */
export type { MaybePromise } from "../formats/bytes.js";
export type { CurveName, EcJwk, EcPrivateJwk, OkpJwk, OkpPrivateJwk } from "../formats/jwk.js";
export {
  type ExportableIdentity,
  type GenerateOptions,
  generateIdentity,
  identityFromAgreement,
  importIdentity,
  importRecipient,
  type KeyIdentity,
  type KeyOptions,
  type KeyRecipient,
} from "./import.js";
export type { IdentityInput, PlatformIdentityInput, PlatformKey, RecipientInput } from "./key-input.js";
export type { P256Identity, P256Recipient } from "./p256.js";
export type { Identity, KeyId, Recipient, Slot, UnwrapContext, WrapContext } from "./types.js";
export type { X25519Identity, X25519Recipient } from "./x25519.js";
