/**
 * Blindreel: end-to-end encryption for exam recordings. The server stores what it cannot read.
 *
 * @module blindreel
 * @category Everyone
 */
export { type Capabilities, capabilities } from "./crypto/capabilities.js";
export type { CryptoProvider, SignatureProvider } from "./crypto/provider.js";
export {
  canReplace,
  type EnvelopeInfo,
  type ExpiryHold,
  type InspectedContent,
  type InspectedSlot,
  type Inspection,
  type InspectOptions,
  inspect,
  inspectionLength,
  type KeysetReference,
  type OpenedFile,
  type OpenedSource,
  type OpenedStream,
  type OpenOptions,
  type OpenSourceOptions,
  open,
  openFrom,
  openSource,
  openStream,
  type Policy,
  type Provenance,
  type RecipientSet,
  type RecipientSource,
  type Recipients,
  type Replacement,
  type RewrapOptions,
  rewrap,
  type SealedInfo,
  type SealedStream,
  type SealFileOptions,
  seal,
  sealFrom,
  sealStream,
} from "./envelope/index.js";
export {
  type AnyBlindreelError,
  BlindreelError,
  type DestructionFault,
  type DirectoryFault,
  type ErrorCode,
  type ErrorDetails,
  type GrantFault,
  type HoldFault,
  isBlindreelError,
  type KeysetFault,
  type PasskeyFailure,
  type PlaybackFault,
  type RotationFault,
  type ShareFault,
  type StatementFault,
} from "./errors.js";
export type { Bytes } from "./formats/bytes.js";
export { LIMITS, type Limits } from "./formats/constants.js";
export type { JsonObject, JsonValue } from "./formats/json.js";
export type { EcJwk, EcPrivateJwk, OkpJwk, OkpPrivateJwk } from "./formats/jwk.js";
export {
  type CurveName,
  type ExportableIdentity,
  type GenerateOptions,
  generateIdentity,
  type Identity,
  type IdentityInput,
  identityFromAgreement,
  importIdentity,
  importRecipient,
  type KeyId,
  type KeyIdentity,
  type KeyRecipient,
  type P256Identity,
  type P256Recipient,
  type Recipient,
  type RecipientInput,
  type X25519Identity,
  type X25519Recipient,
} from "./keywrap/index.js";
export { type ByteSource, blobSource, bytesSource, fileHandleSource, httpSource } from "./source/index.js";
export type {
  ByteInput,
  OperationOptions,
  Padding,
  Progress,
  RandomAccess,
  StreamPair,
} from "./stream/index.js";
