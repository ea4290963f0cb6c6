import { outOfRange, wrongType } from "../errors.js";
import { isBlob, isUint8Array } from "../formats/brand.js";
import { bytesArgument } from "../formats/bytes.js";
import type { Limits } from "../formats/constants.js";
import { blobSource } from "../source/blob.js";
import { type ByteSource, claimedSize, readExactly } from "../source/byte-source.js";
import { breather } from "../stream/operation.js";
import { type ByteInput, PieceReader, piecesOf } from "../stream/pieces.js";
import { AuditMemory } from "./audit-memory.js";
import { Auditor } from "./auditor.js";
import type { Canary } from "./canaries.js";
import type { FindingList } from "./findings.js";
import { inspectStructure, isSource, type StructureOptions } from "./inspect-structure.js";
import { type ExposedField, exposedFields, publicFaults } from "./public-fields.js";
import { notOpaque, type OpacityReport } from "./report.js";
import type { Structure } from "./structure.js";
import { Watchlist } from "./watchlist.js";

/** Options of the opacity checks. */
export interface OpacityOptions {
  /**
   * What the test knows to be in the plaintext: names, ids, lines of chat, frames; 8 bytes or longer. Each is looked for
   * as it is, in UTF-16, base64 and base64url in all alignments, hex, URL- and JSON-escaped, and in compressed spans.
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

/** Takes longer to make than a small object takes to audit. */
let withoutCanaries: Watchlist | undefined;

/** Bytes read from a source at a time. */
const READ_LENGTH = 2 ** 18;
const KEY_ID = /^[0-9a-f]{32}$/;
const ANONYMOUS = "anonymous";

/**
 * Looks for everything that would let a server read or tell apart what it stores, and for what is not a well-formed
 * object. Memory stays bounded whatever the length. These are tests against accidents and no proof: see docs/opacity.md.
 *
 * @throws RangeError for a canary shorter than 8 bytes, TypeError for arguments of a wrong type, BlindreelError
 *   `source-failed`, `signal.reason`. What is wrong with the object is in the report, not thrown.
 */
export async function auditOpacity(
  input: ByteSource | ByteInput,
  options: OpacityOptions = {},
): Promise<OpacityReport> {
  const { canaries = [], memory = new AuditMemory() } = options;
  checkKeys(options.allowedKeys);
  const watchlist = watchlistFor(canaries);
  const auditor = new Auditor(watchlist, memory, options.limits);
  if (isUint8Array(input)) await feedBytes(auditor, bytesArgument("input", input), options);
  else if (isBlob(input)) await feedSource(auditor, blobSource(input), options);
  else if (isSource(input)) await feedSource(auditor, input, options);
  else await feedPieces(auditor, input, options);
  const { structure } = auditor.finish();
  if (structure) checkStructure(structure, options, canaries, auditor.list);
  const { findings, total } = auditor.list;
  return {
    isOpaque: total === 0,
    structure,
    findings,
    findingCount: total,
    exposed: structure ? exposedFields(structure) : [],
    length: auditor.length,
  };
}

/**
 * {@link auditOpacity} for tests and upload endpoints: fails where anything is found.
 *
 * @throws BlindreelError `not-opaque`, naming check, offset and reason and showing the bytes; and as auditOpacity.
 */
export async function assertOpaque(
  input: ByteSource | ByteInput,
  options: OpacityOptions = {},
): Promise<OpacityReport> {
  const report = await auditOpacity(input, options);
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
  options: Pick<StructureOptions, "limits" | "signal"> = {},
): Promise<ExposedField[]> {
  return exposedFields(await inspectStructure(input, options));
}

async function feedBytes(auditor: Auditor, bytes: Uint8Array, { signal }: OpacityOptions): Promise<void> {
  const breathe = breather();
  for (let start = 0; start < bytes.length; start += READ_LENGTH) {
    signal?.throwIfAborted();
    auditor.push(bytes.subarray(start, start + READ_LENGTH));
    await breathe();
  }
}

async function feedSource(auditor: Auditor, source: ByteSource, options: OpacityOptions): Promise<void> {
  const size = await claimedSize(source, options);
  for (let start = 0; start < size; start += READ_LENGTH) {
    auditor.push(await readExactly(source, start, Math.min(size, start + READ_LENGTH), options));
  }
}

async function feedPieces(auditor: Auditor, input: ByteInput, { signal }: OpacityOptions): Promise<void> {
  if (input === null || input === undefined)
    throw wrongType("input", "bytes, a Blob, a stream or a source", input);
  const reader = new PieceReader(piecesOf(input));
  try {
    for (;;) {
      signal?.throwIfAborted();
      const piece = reader.accept(await reader.fetch());
      if (!piece) break;
      auditor.push(piece);
    }
    reader.finish();
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  }
}

function watchlistFor(canaries: readonly Canary[]): Watchlist {
  if (canaries.length > 0) return new Watchlist(canaries);
  withoutCanaries ??= new Watchlist([]);
  return withoutCanaries;
}

function checkKeys(allowedKeys: readonly string[] | undefined): void {
  if (allowedKeys === undefined) return;
  if (!Array.isArray(allowedKeys)) throw wrongType("allowedKeys", "an array of key ids", allowedKeys);
  const wrong = allowedKeys.find((id) => id !== ANONYMOUS && !KEY_ID.test(id));
  if (wrong !== undefined)
    throw outOfRange("allowedKeys", `32 lowercase hex digits each, or "${ANONYMOUS}"`, wrong);
}

/** Checks that need the structure: who it is for, and what its public fields say. */
function checkStructure(
  structure: Structure,
  { allowedKeys, allowedRegions, allowUnknownSlots = false }: OpacityOptions,
  canaries: readonly Canary[],
  list: FindingList,
): void {
  const none = new Uint8Array(0);
  const offsetOf = (name: string) => structure.fields.find((field) => field.name === name)?.offset ?? 0;
  if (structure.object === "envelope" || structure.object === "sealed-file") {
    const { slots, policy } = structure.envelope;
    for (const [i, { type, typeName, keyId }] of slots.entries()) {
      const offset = offsetOf(`slot ${i} head`);
      if (typeName === "unknown" && !allowUnknownSlots) {
        list.add(
          "unknown-slot",
          `slot ${i} has the unknown type ${type} and may hold anything`,
          none,
          offset,
          0,
          0,
        );
      }
      if (!allowedKeys || allowedKeys.includes(keyId ?? ANONYMOUS)) continue;
      const whose = keyId === undefined ? "does not say for which key it is" : `is for the key ${keyId}`;
      list.add("foreign-slot", `slot ${i} ${whose}, which is not on the list`, none, offset, 0, 0);
    }
    const { region = "" } = policy;
    if (region !== "" && allowedRegions && !allowedRegions.includes(region)) {
      list.add("public-field", `the region "${region}" is not on the list`, none, 0, 0, 0);
    }
    const canary = canaries.findIndex((text) => typeof text === "string" && isHint(region, text));
    if (canary >= 0)
      list.add("public-field", `the region "${region}" hints at canary ${canary + 1}`, none, 0, 0, 0);
  }
  if (structure.object === "grant" && allowedKeys && !allowedKeys.includes(structure.grant.staffKeyId)) {
    const reason = `the grant is for the key ${structure.grant.staffKeyId}, which is not on the list`;
    list.add("foreign-slot", reason, none, 0, 0, 0);
  }
  for (const { reason } of publicFaults(structure)) list.add("public-field", reason, none, 0, 0, 0);
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
