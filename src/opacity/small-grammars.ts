import { toDate } from "../envelope/policy.js";
import { malformed } from "../errors.js";
import { KEY_ID_LENGTH, type Limits, WRAPPED_KEY_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { GRANT_TAIL_LENGTHS, GrantKind, grantBodyCodec, SIGNATURE_LENGTH } from "../formats/grant.js";
import { decodeKeysetShape } from "../formats/keyset-shape.js";
import { encodeKeyId } from "../keywrap/thumbprint.js";
import { MANIFEST_HEADER_LENGTH, manifestHeaderCodec } from "../recording/manifest-header.js";
import { claimedPlaintextLength, HEADER_LENGTH } from "../stream/geometry.js";
import { decoded, type FieldList, type Grammar, headSoFar, kept } from "./demand.js";
import { streamGrammar } from "./segment-grammar.js";
import type { Structure } from "./structure.js";

/** In bytes (format-v1, "Limits"). */
const LONGEST_KEYSET = 2 ** 20;

const GRANT_BODY_LENGTH = 150;

/** `"BLRM" 0x01 recordingId[16] sequence:u32`, then a stream that has an end. */
export function* manifestGrammar(fields: FieldList, limits: Limits): Grammar<Structure> {
  const { recordingId, sequence } = yield* decoded(manifestHeaderCodec, "the manifest header");
  fields.add("manifest header", MANIFEST_HEADER_LENGTH, "public");
  const longestBody = limits.manifest - MANIFEST_HEADER_LENGTH - HEADER_LENGTH;
  const streamLength = yield* streamGrammar(fields, "the manifest", longestBody);
  const length = MANIFEST_HEADER_LENGTH + streamLength;
  const plaintextLength = claimedPlaintextLength(streamLength, length);
  const manifest = { recordingId: encodeHex(recordingId), sequence, plaintextLength };
  return { object: "manifest", manifest, length, fields: fields.fields };
}

/** Body, encapsulation, wrapped key, signature: the length alone tells the KEM. */
export function* grantGrammar(fields: FieldList): Grammar<Structure> {
  const body = yield* decoded(grantBodyCodec, "the grant");
  fields.add("grant body", GRANT_BODY_LENGTH, "public");
  const { length: tailLength } = yield* kept("the grant", Math.max(...GRANT_TAIL_LENGTHS));
  const kem = GRANT_TAIL_LENGTHS.indexOf(tailLength);
  const length = GRANT_BODY_LENGTH + tailLength;
  if (kem < 0) throw malformed("the grant has a length that no grant has", length);
  fields.add("enc", tailLength - WRAPPED_KEY_LENGTH - SIGNATURE_LENGTH, "point");
  fields.add("wrapped key", WRAPPED_KEY_LENGTH, "sealed");
  fields.add("signature", SIGNATURE_LENGTH, "point");
  const grant = {
    kind: body.kind === GrantKind.readKey ? ("read-key" as const) : ("bucket" as const),
    kem: kem === 0 ? ("x25519" as const) : ("x-wing" as const),
    grantId: encodeHex(body.grantId),
    institution: encodeHex(body.institution),
    subject: encodeHex(body.subject),
    staff: encodeHex(body.staff),
    staffKeyId: encodeKeyId(body.staff.subarray(0, KEY_ID_LENGTH)),
    issuer: encodeHex(body.issuer),
    issued: toDate(body.issued),
    notAfter: toDate(body.notAfter),
  };
  return { object: "grant", grant, length, fields: fields.fields };
}

/** Public from end to end: it is signed, not sealed. */
export function* keysetGrammar(fields: FieldList): Grammar<Structure> {
  yield* kept("the keyset", LONGEST_KEYSET);
  const text = new TextDecoder("latin1").decode(yield* headSoFar());
  const keyset = decodeKeysetShape(text);
  fields.add("keyset", text.length, "public");
  return { object: "keyset", keyset, length: text.length, fields: fields.fields };
}
