/**
 * `blindreel/server`: what a server runs at upload and in routing. No keys, no network, no heuristics.
 *
 * @module blindreel/server
 * @category Server
 */
export {
  type InspectedContent,
  type InspectedSlot,
  type Inspection,
  type InspectOptions,
  inspect,
  inspectionLength,
} from "../envelope/inspect.js";
export { canReplace, type Replacement } from "../envelope/rewrap.js";
export {
  envelopeName,
  manifestName,
  type ObjectNameParts,
  pageName,
  parseObjectName,
  receiptName,
  segmentName,
} from "../log/names.js";
export type { ExpectedObject, StructureOptions, UploadCheckOptions } from "./arguments.js";
export { identifyObject, type ObjectStartName } from "./identify-object.js";
export { inspectStructure } from "./inspect-structure.js";
export {
  type Deletion,
  type DeletionReason,
  EMPTY_LEDGER,
  type LedgerHead,
  ledgerLine,
  type VerifyLedgerOptions,
  verifyLedger,
} from "./ledger.js";
export type {
  ExcerptStructure,
  Field,
  FieldId,
  FieldRole,
  ManifestStructure,
  ObjectName,
  ObjectStructure,
  PageStructure,
  ReceiptStructure,
  SegmentStructure,
  Structure,
  StructureCommon,
} from "./structure.js";
export { resumeUpload, type UploadCheck, type UploadStream, uploadCheck, uploadStream } from "./upload.js";
