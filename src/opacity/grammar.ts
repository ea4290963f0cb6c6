import { type Core, coreReader, encodeCoreHead } from "../envelope/core.js";
import { inspect } from "../envelope/inspect.js";
import { slotChecker, slotCodec } from "../envelope/slots.js";
import { checkMagicAndVersion, envelopeLength, PREAMBLE_LENGTH } from "../envelope/wire.js";
import { limitExceeded, malformed } from "../errors.js";
import { fixed, u16, u32 } from "../formats/codec.js";
import { HASH_LENGTH, KEY_ID_LENGTH, Kind, type Limits, Magic } from "../formats/constants.js";
import { COMMITMENT_LENGTH, SALT_LENGTH } from "../stream/geometry.js";
import { decoded, type FieldList, type Grammar, hasMore, headSoFar, peeked } from "./demand.js";
import { startCodec } from "./identify.js";
import { segmentGrammar } from "./segment-grammar.js";
import { addSlotBody } from "./slot-fields.js";
import {
  excerptGrammar,
  grantGrammar,
  keysetGrammar,
  manifestGrammar,
  pageGrammar,
} from "./small-grammars.js";
import type { Structure } from "./structure.js";

/** Any object of the format, told by its first bytes. */
export function* objectGrammar(fields: FieldList, limits: Limits): Grammar<Structure> {
  const start = yield* peeked(startCodec, "the object");
  fields.possible = start === "envelope" ? ["envelope", "sealed-file"] : [start];
  switch (start) {
    case "envelope":
      return yield* envelopeGrammar(fields, limits);
    case "segment": {
      const segment = yield* segmentGrammar(fields, 0, undefined);
      return { object: "segment", segment, length: segment.length, fields: fields.fields };
    }
    case "manifest":
      return yield* manifestGrammar(fields, limits);
    case "page":
      return yield* pageGrammar(fields, limits);
    case "excerpt":
      return yield* excerptGrammar(fields, limits);
    case "grant":
      return yield* grantGrammar(fields);
    case "keyset":
      return yield* keysetGrammar(fields);
  }
}

const ENVELOPE = "the envelope";
const SLOT_HEAD_LENGTH = 2 + KEY_ID_LENGTH + 2;

/**
 * Format-v1, "Envelope", and what may stand behind one. The codecs are those that open reads with; here they only run
 * as the bytes arrive. At the envelope's end it is taken apart once more, by `inspect`, so that nothing passes here
 * that would not pass there.
 */
function* envelopeGrammar(fields: FieldList, limits: Limits): Grammar<Structure> {
  checkMagicAndVersion(yield* decoded(fixed(Magic.envelope.length + 1), ENVELOPE));
  yield* decoded(u32, ENVELOPE);
  const end = envelopeLength(yield* headSoFar(), limits);
  const coreLength = yield* decoded(u32, ENVELOPE, end);
  if (coreLength > limits.core) throw limitExceeded("the core's length", limits.core, coreLength);
  const coreOffset = PREAMBLE_LENGTH + 4;
  const core = yield* coreGrammar(coreOffset + coreLength, end, limits);
  if (core.kind !== Kind.file) fields.possible = ["envelope"];
  addCoreFields(fields, core, coreOffset, coreLength);
  yield* slotsGrammar(fields, core.flags, end, limits);
  yield* decoded(fixed(HASH_LENGTH), ENVELOPE, end);
  fields.add("mac", HASH_LENGTH, "sealed");
  if (fields.end !== end) throw malformed(`the envelope: ${end - fields.end} bytes too many`, fields.end);
  const envelope = inspect(yield* headSoFar(), { limits });
  if (core.kind !== Kind.file || !(yield* hasMore())) {
    fields.possible = ["envelope"];
    return { object: "envelope", envelope, length: end, fields: fields.fields };
  }
  fields.possible = ["sealed-file"];
  const segment = yield* segmentGrammar(fields, end, core.recordingId);
  return {
    object: "sealed-file",
    envelope,
    segment,
    length: end + segment.length,
    fields: fields.fields,
  };
}

function* coreGrammar(coreEnd: number, end: number, limits: Limits): Grammar<Core> {
  const coreOffset = PREAMBLE_LENGTH + 4;
  if (coreEnd > end) throw malformed("the envelope: a field runs past the end", coreOffset);
  return yield* decoded(coreReader(limits), "the envelope's core", coreEnd);
}

function addCoreFields(fields: FieldList, core: Core, coreOffset: number, coreLength: number): void {
  const lengthField = 4;
  const { length } = core.sealedMetadata;
  fields.add("head", coreOffset + encodeCoreHead(core).length + lengthField, "public");
  fields.add("metadata salt", SALT_LENGTH, "sealed");
  fields.add("metadata commitment", COMMITMENT_LENGTH, "sealed");
  fields.add("metadata", length - SALT_LENGTH - COMMITMENT_LENGTH, "sealed");
  fields.add("commitment", HASH_LENGTH, "sealed");
  const trailing = coreOffset + coreLength - fields.end;
  if (trailing > 0) throw malformed(`the envelope's core: ${trailing} bytes too many`, fields.end);
}

function* slotsGrammar(fields: FieldList, flags: number, end: number, limits: Limits): Grammar<void> {
  const codec = slotCodec(limits);
  const slotsEnd = end - HASH_LENGTH;
  yield* decoded(u32, ENVELOPE, slotsEnd);
  const count = yield* decoded(u16, ENVELOPE, slotsEnd);
  fields.add("epoch and count", 4 + 2, "public");
  const fail = (reason: string) => malformed(`the envelope: ${reason}`, fields.end);
  const check = slotChecker(count, flags, limits, fail);
  if (count * SLOT_HEAD_LENGTH > slotsEnd - fields.end) throw fail("there is no room for so many slots");
  for (let i = 0; i < count; i++) {
    const slot = yield* decoded(codec, ENVELOPE, slotsEnd);
    check(slot);
    fields.add(`slot ${i} head`, SLOT_HEAD_LENGTH, "public");
    addSlotBody(fields, `slot ${i}`, slot);
  }
}
