import { type Core, coreReader, encodeCoreHead } from "../envelope/core.js";
import { inspect } from "../envelope/inspect.js";
import { SEGMENT_HEADER_LENGTH, segmentHeaderReader } from "../envelope/segment-header.js";
import { checkSlotCount, nextSlot, type SlotRun, slotCodec } from "../envelope/slots.js";
import { checkMagicAndVersion, envelopeLength, PREAMBLE_LENGTH } from "../envelope/wire.js";
import { limitExceeded, malformed } from "../errors.js";
import { type Bytes, compareBytes } from "../formats/bytes.js";
import { u16, u32 } from "../formats/codec.js";
import {
  HASH_LENGTH,
  KEY_ID_LENGTH,
  Kind,
  type Limits,
  SegmentFlag,
  SlotType,
  WRAPPED_KEY_LENGTH,
} from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import type { Slot } from "../keywrap/types.js";
import { SEGMENT_CHUNKS } from "../log/entry.js";
import {
  CHUNK,
  COMMITMENT_LENGTH,
  chunkCount,
  claimedPlaintextLength,
  HEADER_LENGTH,
  MAX_CHUNKS,
  SALT_LENGTH,
  SEALED_CHUNK,
} from "../stream/geometry.js";
import { ended, type FieldList, type Step } from "./step.js";
import type { FieldId, FieldRole, SegmentStructure } from "./structure.js";

const LENGTH_FIELD = 4;
const SLOT_HEAD_LENGTH = 2 + KEY_ID_LENGTH + 2;
const CORE_OFFSET = PREAMBLE_LENGTH + LENGTH_FIELD;

/** The length of padded plaintext lies whole in the last chunk (format-v1, "Padding"). */
const SHORTEST_PADDED_END = 8;

/**
 * Format-v1, "Envelope", and what may stand behind one. @param head gives the bytes before an offset: where the envelope ends,
 * `inspect` takes it apart once more, so that nothing passes here that does not pass there.
 */
export function envelopeStep(limits: Limits, head: (end: number) => Bytes): Step {
  const common = { what: "the envelope", objects: ["envelope", "sealed-file"] } as const;
  return {
    ...common,
    read(reader) {
      const preamble = reader.take(PREAMBLE_LENGTH - LENGTH_FIELD);
      checkMagicAndVersion(preamble);
      reader.take(LENGTH_FIELD);
      const end = envelopeLength(head(PREAMBLE_LENGTH), limits);
      return { ...common, bound: end, read: (next) => coreStep(u32.read(next), end, limits, head) };
    },
  };
}

function coreStep(length: number, end: number, limits: Limits, head: (end: number) => Bytes): Step {
  if (length > limits.core) throw limitExceeded("the core's length", limits.core, length);
  if (CORE_OFFSET + length > end) throw malformed("the envelope: a field runs past the end", CORE_OFFSET);
  return {
    what: "the envelope's core",
    objects: ["envelope", "sealed-file"],
    bound: CORE_OFFSET + length,
    read(reader, fields) {
      const core = coreReader(limits).read(reader);
      const trailing = CORE_OFFSET + length - reader.position;
      if (trailing > 0) throw reader.malformed(`${trailing} bytes too many`);
      addCoreFields(fields, core, CORE_OFFSET);
      return slotsStep(core, end, limits, head);
    },
  };
}

/** @param offset bytes of the object in front of the core that no field covers yet. */
export function addCoreFields(fields: FieldList, core: Core, offset: number): void {
  fields.add("head", "public", offset + encodeCoreHead(core).length + LENGTH_FIELD);
  fields.add("metadata-salt", "random", SALT_LENGTH);
  fields.add("metadata-commitment", "sealed", COMMITMENT_LENGTH);
  fields.add("metadata", "sealed", core.sealedMetadata.length - HEADER_LENGTH);
  fields.add("commitment", "sealed", HASH_LENGTH);
}

function slotsStep(core: Core, end: number, limits: Limits, head: (end: number) => Bytes): Step {
  const seen = { recordingId: encodeHex(core.recordingId), isRecording: core.kind === Kind.recording };
  const common = {
    what: "the envelope",
    objects: core.kind === Kind.file ? (["envelope", "sealed-file"] as const) : (["envelope"] as const),
  };
  const bound = end - HASH_LENGTH;
  const codec = slotCodec(limits);
  const slotStep = (count: number, run: SlotRun): Step => ({
    ...common,
    bound,
    read(reader, fields) {
      const slot = codec.read(reader);
      const next = nextSlot(run, slot, count, core.flags, limits, (why) => reader.malformed(why));
      addSlotFields(fields, slot, run[0]);
      return next[0] < count ? slotStep(count, next) : macStep;
    },
  });
  const macStep: Step = {
    ...common,
    bound: end,
    read(reader, fields) {
      reader.take(HASH_LENGTH);
      fields.add("mac", "sealed", HASH_LENGTH);
      if (reader.position !== end) throw reader.malformed(`${end - reader.position} bytes too many`);
      const envelope = inspect(head(end), { limits });
      const alone = ended({ object: "envelope", envelope }, seen);
      if (core.kind !== Kind.file) return alone;
      return {
        ...alone,
        objects: ["envelope", "sealed-file"],
        read(next) {
          next.take(1);
          return segmentStep(end, core.recordingId, (segment) => ({
            object: "sealed-file",
            envelope,
            segment,
          }));
        },
      };
    },
  };
  return {
    ...common,
    seen,
    bound,
    read(reader, fields) {
      u32.read(reader);
      const count = u16.read(reader);
      checkSlotCount(count, limits, (why) => reader.malformed(why));
      if (count * SLOT_HEAD_LENGTH > bound - reader.position)
        throw reader.malformed("there is no room for so many slots");
      fields.add("epoch", "public", 4 + 2);
      return slotStep(count, [0, 0]);
    },
  };
}

/** What precedes the wrapped key in a body, by slot type (format-v1, "Slots"). */
const SLOT_PARTS: Readonly<Record<number, readonly (readonly [FieldId, FieldRole, number])[]>> = {
  [SlotType.x25519]: [["slot-key", "public-key", 32]],
  [SlotType.xWing]: [["slot-key", "public-key", 1120]],
  [SlotType.passphrase]: [
    ["slot-salt", "random", 16],
    ["slot-parameters", "public", 4 + 4 + 1],
  ],
  [SlotType.passkey]: [
    ["slot-parameters", "public", 32],
    ["slot-salt", "random", 32],
  ],
  [SlotType.p256]: [["slot-key", "public-key", 65]],
};

/** A known type has its exact length by now; of an unknown one nothing is known but that it should be sealed. */
function addSlotFields(fields: FieldList, { type, body }: Slot, slot: number): void {
  fields.add("slot-head", "public", SLOT_HEAD_LENGTH, slot);
  const parts = SLOT_PARTS[type];
  if (!parts) {
    fields.add("slot-body", "sealed", body.length, slot);
    return;
  }
  for (const [id, role, length] of parts) fields.add(id, role, length, slot);
  fields.add("wrapped-key", "sealed", WRAPPED_KEY_LENGTH, slot);
}

/**
 * Format-v1, "Segment".
 *
 * @param offset where it starts in the object.
 * @param fileId the recording id of the envelope in front of it, where there is one: then this is a sealed file's.
 */
export function segmentStep(
  offset: number,
  fileId: Bytes | undefined,
  structureOf: (segment: SegmentStructure) => ReturnType<NonNullable<Step["end"]>>,
): Step {
  const object = fileId ? "sealed-file" : "segment";
  return {
    what: "the segment header",
    objects: [object],
    read(reader, fields) {
      const { recordingId, track, take, index, flags } = segmentHeaderReader.read(reader);
      if (fileId && compareBytes(recordingId, fileId) !== 0)
        throw malformed("the segment is of another recording", offset);
      if (fileId && (track !== 0 || take !== 0 || index !== 0))
        throw malformed("the segment of a sealed file has track, take and index 0", offset);
      if (!fileId && track === 0) throw malformed("the tracks of a recording count from 1", offset);
      fields.add("header", "public", SEGMENT_HEADER_LENGTH);
      const isPadded = (flags & SegmentFlag.padded) !== 0;
      const place = { recordingId: encodeHex(recordingId), track, take, index, isPadded, offset };
      const seen = { recordingId: place.recordingId, track, number: index };
      const longest = fileId ? MAX_CHUNKS * SEALED_CHUNK - 1 : SEGMENT_CHUNKS * SEALED_CHUNK;
      const end = (at: number) => structureOf({ ...place, ...contentOf(at, { offset, isPadded, object }) });
      const ceiling = offset + SEGMENT_HEADER_LENGTH + HEADER_LENGTH + longest;
      return streamStep({ what: "the segment", objects: [object], seen, end }, ceiling);
    },
  };
}

function contentOf(
  end: number,
  at: { readonly offset: number; readonly isPadded: boolean; readonly object: "segment" | "sealed-file" },
): Pick<SegmentStructure, "length" | "chunks" | "isCut" | "plaintextLength"> {
  const length = end - at.offset;
  const stream = length - SEGMENT_HEADER_LENGTH;
  const body = stream - HEADER_LENGTH;
  if (at.object === "segment" && !at.isPadded && body > 0 && body % SEALED_CHUNK === 0) {
    const chunks = body / SEALED_CHUNK;
    return { length, chunks, isCut: true, plaintextLength: chunks * CHUNK };
  }
  const plaintextLength = claimedPlaintextLength(stream, end);
  if (at.isPadded && plaintextLength % CHUNK < SHORTEST_PADDED_END)
    throw malformed("the segment is padded, and its last chunk is too short to hold the length", end);
  return { length, chunks: chunkCount(plaintextLength), isCut: false, plaintextLength };
}

/** Salt, commitment, and chunks to the end of the object. @param ceiling offset that they may reach. */
export function streamStep(of: Step, ceiling: number): Step {
  const { end, ...head } = of;
  return {
    ...head,
    read(reader, fields) {
      reader.take(HEADER_LENGTH);
      fields.add("salt", "random", SALT_LENGTH);
      fields.add("stream-commitment", "sealed", COMMITMENT_LENGTH);
      return { ...of, rest: { id: "chunks", role: "sealed", ceiling } };
    },
  };
}
