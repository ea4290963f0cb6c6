import { decodeCore } from "../envelope/core.js";
import { toDate } from "../envelope/policy.js";
import { malformed } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { fixed, prefixed, struct, u32 } from "../formats/codec.js";
import {
  KEY_ID_LENGTH,
  LIMITS,
  type Limits,
  Magic,
  RECORDING_ID_LENGTH,
  WRAPPED_KEY_LENGTH,
} from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { GRANT_TAIL_LENGTHS, GrantKind, grantBodyCodec, SIGNATURE_LENGTH } from "../formats/grant.js";
import { decodeKeysetShape } from "../formats/keyset-shape.js";
import { type ObjectStart, objectStart } from "../formats/magic.js";
import { encodeKeyId } from "../keywrap/thumbprint.js";
import { SEALED_HEADER_LENGTH } from "../log/sealed-object.js";
import { claimedPlaintextLength, HEADER_LENGTH } from "../stream/geometry.js";
import { counted, decoded, type FieldList, type Grammar, headSoFar, kept } from "./demand.js";
import { streamGrammar } from "./segment-grammar.js";
import type { Structure } from "./structure.js";

/** In bytes (format-v1, "Limits"). */
const LONGEST_KEYSET = 2 ** 20;

const GRANT_BODY_LENGTH = 150;

const manifestHeader = struct<ObjectStart & { readonly recordingId: Bytes; readonly number: number }>({
  ...objectStart(Magic.manifest, "the manifest header"),
  recordingId: fixed(RECORDING_ID_LENGTH),
  number: u32,
});

/** `"BLRM" 0x01 recordingId[16] sequence:u32`, then a stream that has an end. */
export function* manifestGrammar(fields: FieldList, limits: Limits): Grammar<Structure> {
  const { recordingId, number: sequence } = yield* decoded(manifestHeader, "the manifest header");
  fields.add("manifest header", SEALED_HEADER_LENGTH, "public");
  const longestBody = limits.manifest - SEALED_HEADER_LENGTH - HEADER_LENGTH;
  const streamLength = yield* streamGrammar(fields, "the manifest", longestBody);
  const length = SEALED_HEADER_LENGTH + streamLength;
  const plaintextLength = claimedPlaintextLength(streamLength, length);
  const manifest = { recordingId: encodeHex(recordingId), sequence, plaintextLength };
  return { object: "manifest", manifest, length, fields: fields.fields };
}

const pageHeader = struct<ObjectStart & { readonly recordingId: Bytes; readonly page: number }>({
  ...objectStart(Magic.page, "the page"),
  recordingId: fixed(RECORDING_ID_LENGTH),
  page: u32,
});
/** The plaintext of pages is a multiple of this many bytes. */
const LOG_BLOCK = 1024;
const PAGE_HEADER_LENGTH = Magic.page.length + 1 + RECORDING_ID_LENGTH + 4;

/** `"BLRL" 0x01 recordingId[16] page:u32`, then a stream that has an end. */
export function* pageGrammar(fields: FieldList, limits: Limits): Grammar<Structure> {
  const { recordingId, page: number } = yield* decoded(pageHeader, "the page's header");
  fields.add("page header", PAGE_HEADER_LENGTH, "public");
  const longestBody = limits.page - PAGE_HEADER_LENGTH - HEADER_LENGTH;
  const streamLength = yield* streamGrammar(fields, "the page", longestBody);
  const length = PAGE_HEADER_LENGTH + streamLength;
  const plaintextLength = claimedPlaintextLength(streamLength, length);
  if (plaintextLength === 0 || plaintextLength % LOG_BLOCK !== 0) {
    throw malformed(`the page is not padded to a multiple of ${LOG_BLOCK} bytes`, length);
  }
  const page = { recordingId: encodeHex(recordingId), page: number, plaintextLength };
  return { object: "page", page, length, fields: fields.fields };
}

const excerptStart = struct<ObjectStart & { readonly core: Bytes }>({
  ...objectStart(Magic.excerpt, "the excerpt"),
  core: prefixed(u32, "the core's length", LIMITS.core),
});

/** `"BLRX" 0x01 core:str32`, then what it shows of the recording. */
export function* excerptGrammar(fields: FieldList, limits: Limits): Grammar<Structure> {
  const { core } = yield* decoded(excerptStart, "the excerpt");
  const startLength = Magic.excerpt.length + 1 + 4;
  const { recordingId } = decodeCore(core, limits, startLength);
  fields.add("core", startLength + core.length, "public");
  const close = fields.addOpen("parts", "point");
  const rest = yield* counted("the excerpt", limits.excerpt - startLength - core.length);
  close(rest);
  const excerpt = { recordingId: encodeHex(recordingId) };
  return { object: "excerpt", excerpt, length: startLength + core.length + rest, fields: fields.fields };
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
