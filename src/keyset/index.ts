/**
 * `blindreel/keyset`: an institution's signed keys and staff, access to recordings, and private keys at rest.
 *
 * @module blindreel/keyset
 * @category Institution
 */
export { coreHashOf } from "../envelope/core-hash.js";
export type { KeysetReference, Provenance, RecipientSet, RecipientSource } from "../envelope/provenance.js";
export type { ExpiryHold, ReadKeySource } from "../envelope/unlock.js";
export type { ImportRecipient } from "./access.js";
export {
  type PlanBucketsOptions,
  type PlannedBucket,
  type PublishableIdentity,
  planBuckets,
} from "./buckets.js";
export {
  type ChangeProtectionOptions,
  changeProtection,
  type IdentityFiles,
} from "./change-protection.js";
export {
  type DestroyBucketOptions,
  destroyBucket,
  type VerifiedDestruction,
  verifyDestruction,
} from "./destruction.js";
export {
  type DirectoryClaims,
  type SignDirectoryOptions,
  type StaffEntry,
  type StaffMember,
  type StaffRole,
  signDirectory,
  type VerifiedDirectory,
  type VerifyDirectoryOptions,
  verifyDirectory,
} from "./directory.js";
export {
  type InspectedGrant,
  inspectGrant,
  type VerifiedGrant,
  type VerifyGrantOptions,
  verifyGrant,
  type Withdrawal,
  withdrawGrant,
} from "./grant.js";
export { type Envelopes, type GrantAccessOptions, grantAccess } from "./grant-access.js";
export {
  type HoldClaims,
  type SignHoldOptions,
  signHold,
  type VerifiedHold,
  type VerifyHoldOptions,
  verifyHold,
} from "./hold.js";
export {
  type ProtectableIdentity,
  type ProtectableKey,
  type ProtectOptions,
  protectIdentity,
  type UnlockIdentityOptions,
  unlockIdentity,
} from "./identity-file.js";
export { identityFolder } from "./identity-folder.js";
export type { ImportKey, KeyImporters } from "./keys.js";
export {
  type BucketNeed,
  type VerifiedKeyset,
  type VerifyKeysetOptions,
  verifyKeyset,
} from "./keyset.js";
export { keysetFingerprint, type PublishedKey, publishedKeys } from "./published.js";
export {
  type AccessClaims,
  type AccessRequest,
  approveRequest,
  requestAccess,
  type VerifiedRequest,
  type VerifyRequestOptions,
  verifyRequest,
} from "./request.js";
export {
  type RewrapAllOptions,
  type RewrapJournal,
  type RewrapOutcome,
  type RewrapProgress,
  rewrapAll,
  type StoredEnvelope,
  type StoreOptions,
} from "./rewrap-all.js";
export { type EnvelopesInOptions, envelopesIn } from "./rewrap-folder.js";
export { type FileRewrapJournal, rewrapJournal } from "./rewrap-journal.js";
export { type S3EnvelopesOptions, type SignedFetch, s3Envelopes } from "./rewrap-s3.js";
export {
  type RootRotationClaims,
  type SignRotationOptions,
  signRootRotation,
  type VerifiedRotation,
  type VerifyRotationOptions,
  verifyRootRotation,
} from "./root-rotation.js";
export {
  type BucketKeyClaims,
  type KeysetClaims,
  type KeysetKeyClaims,
  type PublishableRecipient,
  type RecoveryKeyClaims,
  type SignKeysetOptions,
  signKeyset,
} from "./sign-keyset.js";
export {
  generateSigningKey,
  importSigningKey,
  type Signer,
  type SigningJwk,
  type SigningKey,
  type SigningKeyOptions,
  type SigningPrivateJwk,
} from "./signing-key.js";
export {
  type Access,
  type GrantRecord,
  type WhoCanOpenOptions,
  whoCanOpen,
} from "./who-can-open.js";
