/** `blindreel/opacity`: for servers and their tests. No keys, no network. */
export {
  inspectStructure,
  type StructureOptions,
  type StructureValidator,
  structureValidator,
} from "./inspect-structure.js";
export type {
  Field,
  FieldNature,
  GrantStructure,
  ManifestStructure,
  ObjectName,
  SegmentStructure,
  Structure,
} from "./structure.js";
export { type StructureStream, structureStream } from "./structure-stream.js";
