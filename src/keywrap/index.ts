/**
 * `blindreel/keywrap`: recipients, identities, and the wrapping of file keys (HPKE, RFC 9180).
 *
 * @module blindreel/keywrap
 * @category Institution
 */
export type { MaybePromise } from "../formats/bytes.js";
export {
  type ExportableIdentity,
  generateIdentity,
  type IdentityInput,
  identityFromAgreement,
  importIdentity,
  importRecipient,
  type KeyOptions,
  type PlatformIdentityInput,
  type PlatformKey,
  type RecipientInput,
} from "./import.js";
export type { Identity, KeyId, Recipient, Slot, WrapContext } from "./types.js";
export type { X25519Identity, X25519Recipient } from "./x25519.js";
