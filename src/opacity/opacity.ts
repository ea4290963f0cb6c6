import { limitsArgument } from "../envelope/wire.js";
import { outOfRange, wrongType } from "../errors.js";
import { isUint8Array } from "../formats/brand.js";
import { bytesArgument } from "../formats/bytes.js";
import type { Limits } from "../formats/constants.js";
import { type Check, type Checks, flagArgument, readOptions, signalArgument } from "../formats/options.js";
import type { StructureOptions } from "../server/arguments.js";
import { eachPiece, inspectStructure, sourceOf } from "../server/inspect-structure.js";
import type { FieldId, Structure } from "../server/structure.js";
import { type ByteSource, claimedSize, readExactly } from "../source/byte-source.js";
import { breather } from "../stream/operation.js";
import type { ByteInput } from "../stream/pieces.js";
import { AuditMemory } from "./audit-memory.js";
import { Auditor } from "./auditor.js";
import type { Canary } from "./canaries.js";
import { zlibOf } from "./compressed-spans.js";
import { type FindingList, nowhere } from "./findings.js";
import { type ExposedField, exposedFields, publicFaults } from "./public-fields.js";
import { notOpaque, type OpacityReport } from "./report.js";
import { watchlistFor } from "./watchlist.js";

/** Options of the opacity checks. */
export interface OpacityOptions {
  /**
   * What the test knows to be in the plaintext: names, ids, lines of chat, frames; 8 bytes or longer. Texts are looked for in
   * any case and normal form, as UTF-8, UTF-16, Latin-1, base64 and base64url in all alignments, hex, URL- and JSON-escaped,
   * and in compressed spans.
   */
  readonly canaries?: readonly Canary[];
  /** Ids of the only keys that may open it, and `"anonymous"` where a slot may leave its out. */
  readonly allowedKeys?: readonly string[];
  /** The only regions that may stand in the policy. */
  readonly allowedRegions?: readonly string[];
  /** Slots of types that this version does not know may hold anything, so they are findings unless this is true. */
  readonly allowUnknownSlots?: boolean;
  /** Objects audited with one memory are compared with each other. */
  readonly memory?: AuditMemory;
  /** Lowers the format's ceilings. */
  readonly limits?: Partial<Limits>;
  readonly signal?: AbortSignal;
}

interface OpacityArguments extends Omit<OpacityOptions, "limits"> {
  readonly limits?: Limits;
}

/** Bytes audited at a time: the event loop runs, and the signal counts, between them. */
const READ_LENGTH = 2 ** 16;
const KEY_ID = /^[0-9a-f]{32}$/;
const ANONYMOUS = "anonymous";

const textsArgument: Check<readonly string[]> = (name, value) => {
  if (!Array.isArray(value) || value.some((each) => typeof each !== "string"))
    throw wrongType(name, "an array of strings", value);
  return [...(value as string[])];
};

const keysArgument: Check<readonly string[]> = (name, value) => {
  const keys = textsArgument(name, value);
  const wrong = keys.find((id) => id !== ANONYMOUS && !KEY_ID.test(id));
  if (wrong !== undefined) throw outOfRange(name, `32 lowercase hex digits each, or "${ANONYMOUS}"`, wrong);
  return keys;
};

const canariesArgument: Check<readonly Canary[]> = (name, value) => {
  if (!Array.isArray(value)) throw wrongType(name, "an array of strings and Uint8Arrays", value);
  return [...value];
};

const memoryArgument: Check<AuditMemory> = (name, value) => {
  if (!(value instanceof AuditMemory)) throw wrongType(name, "an AuditMemory", value);
  return value;
};

const OPACITY: Checks<OpacityArguments> = {
  canaries: canariesArgument,
  allowedKeys: keysArgument,
  allowedRegions: textsArgument,
  allowUnknownSlots: flagArgument,
  memory: memoryArgument,
  limits: limitsArgument,
  signal: signalArgument,
};

/**
 * Looks for everything that would let a server read or tell apart what it stores, and for what is not a well-formed
 * object. Memory stays bounded and time linear, whatever the bytes. These are tests against accidents and no proof: see
 * docs/opacity.md.
 *
 * @throws RangeError for a canary shorter than 8 bytes, TypeError for arguments of a wrong type, BlindreelError
 *   `source-failed`, `signal.reason`. What is wrong with the object is in the report, not thrown.
 */
export async function auditOpacity(
  input: ByteSource | ByteInput,
  given?: OpacityOptions,
): Promise<OpacityReport> {
  const options = readOptions<OpacityArguments>("options", given, OPACITY);
  const { canaries = [], memory = new AuditMemory(), limits } = options;
  const auditor = new Auditor(watchlistFor(canaries), memory, limits);
  await feed(auditor, input, options);
  const structure = auditor.finish();
  if (structure) checkStructure(structure, options, auditor.list);
  const { findings, total } = auditor.list;
  return {
    isOpaque: total === 0,
    structure,
    findings,
    findingCount: total,
    skipped: zlibOf() ? [] : ["compressed"],
    exposed: structure ? exposedFields(structure) : [],
    length: auditor.length,
  };
}

/**
 * {@link auditOpacity} for tests: fails where anything is found.
 *
 * @throws BlindreelError `not-opaque`, naming check, offset and reason and showing the bytes; and as auditOpacity.
 */
export async function assertOpaque(
  input: ByteSource | ByteInput,
  given?: OpacityOptions,
): Promise<OpacityReport> {
  const report = await auditOpacity(input, given);
  if (!report.isOpaque) throw notOpaque("these bytes are not opaque", report.findings, report.findingCount);
  return report;
}

/**
 * Exactly what a server learns from an object's bytes, field by field. (What it learns from when they come and go, and
 * from whom, is not in the bytes.)
 *
 * @throws BlindreelError as {@link inspectStructure}.
 */
export async function metadataExposed(
  input: ByteSource | ByteInput,
  given?: Pick<StructureOptions, "limits" | "signal">,
): Promise<ExposedField[]> {
  return exposedFields(await inspectStructure(input, given));
}

async function feed(
  auditor: Auditor,
  input: ByteSource | ByteInput,
  options: { readonly signal?: AbortSignal },
): Promise<void> {
  const bytes = isUint8Array(input) ? bytesArgument("input", input) : undefined;
  const source = bytes ?? sourceOf(input);
  const breathe = breather();
  if (!source) {
    await eachPiece(input as ByteInput, options, async (piece) => {
      for (let at = 0; at < piece.length; at += READ_LENGTH) {
        auditor.push(piece.subarray(at, at + READ_LENGTH));
        await breathe();
        options.signal?.throwIfAborted();
      }
    });
    return;
  }
  const size = bytes ? bytes.length : await claimedSize(source as ByteSource, options);
  for (let start = 0; start < size; start += READ_LENGTH) {
    const end = Math.min(size, start + READ_LENGTH);
    options.signal?.throwIfAborted();
    auditor.push(
      bytes?.subarray(start, end) ?? (await readExactly(source as ByteSource, start, end, options)),
    );
    await breathe();
  }
}

/** Checks that need the structure: who it is for, and what its public fields say. */
function checkStructure(structure: Structure, options: OpacityArguments, list: FindingList): void {
  const { allowedKeys, allowedRegions, allowUnknownSlots = false, canaries = [] } = options;
  const offsetOf = (id: FieldId, slot: number) =>
    nowhere(structure.fields.find((field) => field.id === id && field.slot === slot)?.offset);
  if (structure.object === "envelope" || structure.object === "sealed-file") {
    const { slots, policy } = structure.envelope;
    for (const [i, { type, typeName, keyId }] of slots.entries()) {
      const offset = offsetOf("slot-head", i);
      if (typeName === "unknown" && !allowUnknownSlots)
        list.add("unknown-slot", offset, `slot ${i} has the unknown type ${type} and may hold anything`);
      if (!allowedKeys || allowedKeys.includes(keyId ?? ANONYMOUS)) continue;
      const whose = keyId === undefined ? "does not say for which key it is" : `is for the key ${keyId}`;
      list.add("foreign-slot", offset, `slot ${i} ${whose}, which is not on the list`);
    }
    const { region = "" } = policy;
    if (region !== "" && allowedRegions && !allowedRegions.includes(region))
      list.add("public-field", nowhere(), `the region "${region}" is not on the list`);
    const canary = canaries.findIndex((text) => typeof text === "string" && isHint(region, text));
    if (canary >= 0)
      list.add("public-field", nowhere(), `the region "${region}" hints at canary ${canary + 1}`);
  }
  for (const reason of publicFaults(structure)) list.add("public-field", nowhere(), reason);
}

/** Letters and digits that a region shares with a canary, as many as make no accident. */
const HINT = 6;

/** A region has small letters, digits and hyphens only; a name forced into that is still a name. */
function isHint(region: string, canary: string): boolean {
  const plain = (text: string) =>
    text
      .normalize("NFKD")
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "");
  const shown = plain(region);
  return (
    shown.length >= HINT &&
    (plain(canary).includes(shown) || (plain(canary).length >= HINT && shown.includes(plain(canary))))
  );
}
