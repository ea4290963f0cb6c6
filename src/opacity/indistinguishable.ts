import { bytesArgument } from "../formats/bytes.js";
import { BLOCK_LENGTH } from "./block-memory.js";
import { binomialThreshold, spend } from "./false-alarm.js";
import { FindingList } from "./findings.js";
import { inspectStructure } from "./inspect-structure.js";
import { type ExposedField, type ExposedName, exposedFields } from "./public-fields.js";
import { notOpaque } from "./report.js";
import type { Field, Structure } from "./structure.js";

/** Chosen anew for every object. */
const FRESH: readonly ExposedName[] = ["recordingId", "sender", "grant"];

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
  if (a.length !== b.length) {
    list.add("length", `one object has ${a.length} bytes, the other ${b.length}`, b, 0, 0, 0);
  }
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
    list.add("public-field", reason, new Uint8Array(0), 0, 0, 0);
  }
}

function compareSealed(
  a: Uint8Array,
  inA: Structure,
  b: Uint8Array,
  inB: Structure,
  list: FindingList,
): void {
  const blocks = new BlockIndex(a);
  for (const field of sealedFields(inA)) blocks.addField(field);
  for (const { name, offset, length } of sealedFields(inB)) {
    const end = offset + length;
    for (let at = offset; at + BLOCK_LENGTH <= end; at++) {
      const other = blocks.find(b, at);
      if (other === undefined) continue;
      const reason = `these ${BLOCK_LENGTH} bytes, of the ${name}, stand at byte ${other} of the other object too`;
      list.add("repeated-block", reason, b, 0, at, BLOCK_LENGTH);
      at += BLOCK_LENGTH - 1;
    }
  }
  for (const [i, field] of sealedFields(inA).entries()) {
    const other = sealedFields(inB)[i];
    if (other?.name !== field.name) break;
    const length = Math.min(field.length, other.length);
    if (length < SHORTEST_COMPARED) continue;
    let equal = 0;
    for (let k = 0; k < length; k++) if (a[field.offset + k] === b[other.offset + k]) equal++;
    if (equal < binomialThreshold(length, 1 / 256, spend(i + 1))) continue;
    const reason = `${equal} of ${length} bytes of the ${field.name} are equal: one key stream twice?`;
    list.add("periodic", reason, b, 0, other.offset, length);
  }
}

function sealedFields({ fields }: Structure): readonly Field[] {
  return fields.filter(({ nature }) => nature !== "public");
}

/** The blocks of one object's fields, every sixteenth byte; a run of 31 shared bytes holds one, wherever it lies. */
class BlockIndex {
  readonly #bytes: Uint8Array;
  readonly #slots: Float64Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#slots = new Float64Array(2 ** Math.ceil(Math.log2(Math.max(16, bytes.length / 4)))).fill(-1);
  }

  addField({ offset, length }: Field): void {
    for (let at = offset; at + BLOCK_LENGTH <= offset + length; at += BLOCK_LENGTH) {
      let slot = this.#slotOf(this.#bytes, at);
      while (this.#slots[slot] !== -1) {
        // A block that repeats inside the object is held once: its places are no longer than its run.
        if (sameBlock(this.#bytes, this.#slots[slot]!, this.#bytes, at)) break;
        slot = (slot + 1) % this.#slots.length;
      }
      this.#slots[slot] = at;
    }
  }

  find(bytes: Uint8Array, at: number): number | undefined {
    let slot = this.#slotOf(bytes, at);
    while (this.#slots[slot] !== -1) {
      if (sameBlock(this.#bytes, this.#slots[slot]!, bytes, at)) return this.#slots[slot];
      slot = (slot + 1) % this.#slots.length;
    }
    return undefined;
  }

  #slotOf(bytes: Uint8Array, at: number): number {
    let hash = 0;
    for (let i = 0; i < BLOCK_LENGTH; i++) hash = Math.imul(hash ^ bytes[at + i]!, 0x01000193);
    return ((hash ^ (hash >>> 15)) >>> 0) % this.#slots.length;
  }
}

function sameBlock(left: Uint8Array, at: number, right: Uint8Array, other: number): boolean {
  for (let i = 0; i < BLOCK_LENGTH; i++) if (left[at + i] !== right[other + i]) return false;
  return true;
}
