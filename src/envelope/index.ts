/**
 * `blindreel/envelope`: seal, open, rewrap, inspect.
 *
 * @module blindreel/envelope
 * @category Everyone
 */
export type { EnvelopeOptions } from "./create.js";
export {
  type InspectedContent,
  type InspectedSlot,
  type Inspection,
  type InspectOptions,
  inspect,
  inspectionLength,
} from "./inspect.js";
export {
  type OpenedFile,
  type OpenedSource,
  type OpenedStream,
  type OpenOptions,
  type OpenSourceOptions,
  open,
  openFrom,
  openSource,
  openStream,
} from "./open.js";
export type { Policy } from "./policy.js";
export type {
  KeysetReference,
  Provenance,
  RecipientSet,
  RecipientSource,
  Recipients,
} from "./provenance.js";
export { canReplace, type Replacement, type RewrapOptions, rewrap } from "./rewrap.js";
export {
  type SealedInfo,
  type SealedStream,
  type SealFileOptions,
  seal,
  sealFrom,
  sealStream,
} from "./seal.js";
export type { EnvelopeInfo, ExpiryHold, UnlockOptions } from "./unlock.js";
