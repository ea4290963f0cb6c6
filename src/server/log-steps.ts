import { decodeCore } from "../envelope/core.js";
import { malformed } from "../errors.js";
import { compareBytes } from "../formats/bytes.js";
import { decode, u8, u16 } from "../formats/codec.js";
import { HASH_LENGTH, type Limits, Magic, SIGNATURE_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { readExcerptHead, type Witness, witnessCodec } from "../log/excerpt.js";
import { PADDING_STEP, SEALED_HEADER_LENGTH, sealedHeaderReader } from "../log/sealed-object.js";
import { ManifestState } from "../log/statement.js";
import { claimedPlaintextLength } from "../stream/geometry.js";
import { addCoreFields, streamStep } from "./envelope-steps.js";
import { ended, type Step } from "./step.js";

/** Format-v1, "Pages" and "Manifest": a header, then a stream whose plaintext is padded to whole blocks. */
export function logStep(name: "page" | "manifest", limits: Limits): Step {
  return {
    what: `the ${name} header`,
    objects: [name],
    read(reader, fields) {
      const header = sealedHeaderReader(Magic[name], `the ${name}`).read(reader);
      const [recordingId, number] = [encodeHex(header.recordingId), header.number];
      fields.add("header", "public", SEALED_HEADER_LENGTH);
      const end: Step["end"] = (length) => {
        const plaintextLength = claimedPlaintextLength(length - SEALED_HEADER_LENGTH, length);
        if (plaintextLength === 0 || plaintextLength % PADDING_STEP !== 0)
          throw malformed(`the ${name} is not padded to a multiple of ${PADDING_STEP} bytes`, length);
        return name === "page"
          ? { object: name, page: { recordingId, page: number, plaintextLength } }
          : { object: name, manifest: { recordingId, sequence: number, plaintextLength } };
      };
      return streamStep(
        { what: `the ${name}`, objects: [name], seen: { recordingId, number }, end },
        limits[name],
      );
    },
  };
}

const CORE_OFFSET = Magic.excerpt.length + 1 + 4;
const STATEMENT_LENGTH = SEALED_HEADER_LENGTH + 1 + 4;

/** Format-v1, "Excerpt" and "Receipt", which is one without parts of a recording that ended. */
export function excerptStep(limits: Limits): Step {
  const common = { what: "the excerpt", objects: ["excerpt", "receipt"] } as const;
  return {
    ...common,
    read(reader, fields) {
      const { core: coreBytes, statement } = readExcerptHead(reader, "the excerpt");
      const { header, state, size } = statement;
      const count = u16.read(reader);
      const core = decodeCore(coreBytes, limits, CORE_OFFSET);
      const manifest = decode(
        sealedHeaderReader(Magic.manifest, "the manifest"),
        header,
        "the excerpt's manifest header",
        CORE_OFFSET + coreBytes.length,
      );
      if (compareBytes(manifest.recordingId, core.recordingId) !== 0)
        throw reader.malformed("core and manifest header are of two recordings");
      addCoreFields(fields, core, CORE_OFFSET);
      fields.add("statement", "public", STATEMENT_LENGTH);
      fields.add("log-root", "sealed", 2 * HASH_LENGTH);
      fields.add("signature", "signature", SIGNATURE_LENGTH);
      fields.add("parts", "public", 2);
      const recordingId = encodeHex(core.recordingId);
      const seen = { recordingId };
      if (count > 0) {
        const rest = { id: "parts", role: "public", ceiling: limits.excerpt } as const;
        const end: Step["end"] = () => ({ object: "excerpt", excerpt: { recordingId, parts: count } });
        return { what: "the excerpt", objects: ["excerpt"], seen, rest, end };
      }
      if (state !== ManifestState.final) throw reader.malformed("the receipt of a recording that goes on");
      const receipt = { recordingId, sequence: manifest.number, size };
      return {
        what: "the receipt",
        objects: ["receipt"],
        seen,
        read(next, list) {
          const witnesses = u8.read(next);
          list.add("witnesses", "public", 1);
          const end = ended({ object: "receipt", receipt: { ...receipt, witnesses } }, seen);
          return witnessStep(witnesses, undefined, end);
        },
      };
    },
  };
}

function witnessStep(left: number, before: Witness | undefined, end: Step): Step {
  if (left === 0) return end;
  return {
    what: "the receipt",
    objects: ["receipt"],
    read(reader, fields) {
      const start = reader.offset;
      const witness = witnessCodec.read(reader);
      if (before && compareBytes(before.publicKey, witness.publicKey) >= 0)
        throw reader.malformed("witnesses are out of order or repeated");
      fields.add("witnesses", "public", reader.offset - start);
      return witnessStep(left - 1, witness, end);
    },
  };
}
