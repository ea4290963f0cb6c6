import { bytesArgument } from "../formats/bytes.js";
import { inspectStructure } from "../server/inspect-structure.js";
import type { Field, Structure } from "../server/structure.js";
import { BLOCK_LENGTH } from "./block-memory.js";
import { binomialThreshold, spend } from "./false-alarm.js";
import { FindingList, nowhere } from "./findings.js";
import { type ExposedField, type ExposedName, exposedFields } from "./public-fields.js";
import { notOpaque } from "./report.js";

/** Chosen anew for every object. */
const FRESH: readonly ExposedName[] = ["recordingId", "sender"];

/** Two objects sealed around the full hour differ in it. */
const HOUR = 3_600_000;

/** Fewer bytes at one place tell nothing. */
const SHORTEST_COMPARED = 64;

/**
 * Compares the objects that two plaintexts of one length were sealed to, with the same options: they have one length, the
 * same public fields, no sixteen sealed bytes in common at whatever place, and no more equal bytes at equal places than
 * chance gives. Objects are held in memory.
 *
 * @throws BlindreelError `not-opaque`; as {@link inspectStructure} where one is no object of the format.
 */
export async function assertIndistinguishable(sealA: Uint8Array, sealB: Uint8Array): Promise<void> {
  const [a, b] = [bytesArgument("sealA", sealA), bytesArgument("sealB", sealB)];
  const [structureA, structureB] = [await inspectStructure(a), await inspectStructure(b)];
  const list = new FindingList();
  if (a.length !== b.length)
    list.add("length", nowhere(), `one object has ${a.length} bytes, the other ${b.length}`);
  comparePublic(exposedFields(structureA), exposedFields(structureB), list);
  compareSealed(a, structureA, b, structureB, list);
  if (list.total > 0) throw notOpaque("these objects can be told apart", list.findings, list.total);
}

function comparePublic(a: readonly ExposedField[], b: readonly ExposedField[], list: FindingList): void {
  const valuesOf = (fields: readonly ExposedField[]) =>
    new Map(fields.map(({ field, value }) => [field, value]));
  const [left, right] = [valuesOf(a), valuesOf(b)];
  for (const field of new Set([...left.keys(), ...right.keys()])) {
    // The length has been compared.
    if (field === "length" || (FRESH.includes(field) && left.has(field) && right.has(field))) continue;
    const [one, other] = [left.get(field), right.get(field)];
    if (JSON.stringify(one) === JSON.stringify(other)) continue;
    if (field === "createdAt" && Math.abs(Number(one) - Number(other)) <= HOUR) continue;
    const reason = `${field} is ${JSON.stringify(one) ?? "absent"} in one and ${JSON.stringify(other) ?? "absent"} in the other`;
    list.add("public-field", nowhere(), reason);
  }
}

function compareSealed(
  a: Uint8Array,
  inA: Structure,
  b: Uint8Array,
  inB: Structure,
  list: FindingList,
): void {
  // Of the one object every sixteenth place, of the other all: a run of 31 shared bytes is found wherever it lies.
  const blocks = new Map<string, number>();
  const blockAt = (bytes: Uint8Array, at: number) =>
    String.fromCharCode(...bytes.subarray(at, at + BLOCK_LENGTH));
  for (const { offset, length } of sealedFields(inA)) {
    for (let at = offset; at + BLOCK_LENGTH <= offset + length; at += BLOCK_LENGTH)
      blocks.set(blockAt(a, at), at);
  }
  for (const { id, offset, length } of sealedFields(inB)) {
    for (let at = offset; at + BLOCK_LENGTH <= offset + length; at++) {
      const other = blocks.get(blockAt(b, at));
      if (other === undefined) continue;
      const reason = `these ${BLOCK_LENGTH} bytes, of the ${id}, stand at byte ${other} of the other object too`;
      list.add("repeated-block", { bytes: b, base: 0, at, length: BLOCK_LENGTH }, reason);
      at += BLOCK_LENGTH - 1;
    }
  }
  for (const [i, field] of sealedFields(inA).entries()) {
    const other = sealedFields(inB)[i];
    if (other?.id !== field.id) break;
    const length = Math.min(field.length, other.length);
    if (length < SHORTEST_COMPARED) continue;
    let equal = 0;
    for (let k = 0; k < length; k++) if (a[field.offset + k] === b[other.offset + k]) equal++;
    if (equal < binomialThreshold(length, 1 / 256, spend(i + 1))) continue;
    const reason = `${equal} of ${length} bytes of the ${field.id} are equal: one key stream twice?`;
    list.add("periodic", { bytes: b, base: 0, at: other.offset, length }, reason);
  }
}

function sealedFields({ fields }: Structure): readonly Field[] {
  return fields.filter(({ role }) => role !== "public");
}
