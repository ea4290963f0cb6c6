/**
 * `blindreel/opacity`: for tests of stored objects. No keys, no network. Checks of production are `blindreel/server`.
 *
 * @module blindreel/opacity
 * @category Server
 */
export { AuditMemory } from "./audit-memory.js";
export { type Canary, SHORTEST_CANARY } from "./canaries.js";
export { FALSE_ALARM } from "./false-alarm.js";
export type { CheckName, OpacityFinding } from "./findings.js";
export { assertIndistinguishable } from "./indistinguishable.js";
export { assertOpaque, auditOpacity, metadataExposed, type OpacityOptions } from "./opacity.js";
export type { ExposedField, ExposedName } from "./public-fields.js";
export { findingLine, findingText, type OpacityReport } from "./report.js";
