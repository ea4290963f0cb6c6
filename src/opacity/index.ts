/**
 * `blindreel/opacity`: for servers and their tests. No keys, no network.
 *
 * @module blindreel/opacity
 * @category Server
 */
export type { KeysetShape } from "../formats/keyset-shape.js";
export { AuditMemory } from "./audit-memory.js";
export { type Canary, SHORTEST_CANARY } from "./canaries.js";
export { FALSE_ALARM } from "./false-alarm.js";
export type { CheckName, Finding } from "./findings.js";
export { hexdump } from "./hexdump.js";
export { assertIndistinguishable } from "./indistinguishable.js";
export {
  inspectStructure,
  type StructureOptions,
  type StructureValidator,
  structureValidator,
} from "./inspect-structure.js";
export { assertOpaque, auditOpacity, metadataExposed, type OpacityOptions } from "./opacity.js";
export type { ExposedField, ExposedName } from "./public-fields.js";
export { findingLine, findingText, type OpacityReport } from "./report.js";
export type {
  ExcerptStructure,
  Field,
  FieldNature,
  GrantStructure,
  ManifestStructure,
  ObjectName,
  PageStructure,
  SegmentStructure,
  Structure,
  StructureCommon,
} from "./structure.js";
export { type StructureStream, structureStream } from "./structure-stream.js";
