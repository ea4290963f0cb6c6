import { malformed } from "../errors.js";
import { type Bytes, compareBytes, concatBytes, EMPTY } from "../formats/bytes.js";
import { type Codec, fixed, prefixed, Reader, struct, u8, u16, u32, u64, Writer } from "../formats/codec.js";
import { KEY_LENGTH, LIMITS, Magic } from "../formats/constants.js";
import { objectStart, startOf } from "../formats/magic.js";
import { decodeEntry, type Entry, EntryKind } from "./entry.js";
import { hash, readMany, signature as signatureField } from "./fields.js";
import { type Statement, statementCodec } from "./statement.js";

/** A countersignature: a manifest's statement was seen under this key at this time. */
export interface Witness {
  readonly publicKey: Bytes;
  /** Milliseconds since 1970, by the witness's clock. */
  readonly time: number;
  readonly signature: Bytes;
}

/** A disclosed entry of the log, with its path to the log's root. */
export interface ExcerptPart {
  /** The entry's place in the log. */
  readonly n: number;
  readonly entryBytes: Bytes;
  readonly entry: Entry;
  readonly path: readonly Bytes[];
  /** Only of a segment: its key, and its stored object, undefined where the reader fetches it. */
  readonly segmentKey: Bytes | undefined;
  readonly object: Bytes | undefined;
}

/** An excerpt taken apart (format-v1, "Excerpt"); a receipt is one without parts. Nothing in it is verified. */
export interface Excerpt {
  readonly core: Bytes;
  readonly statement: Statement;
  readonly signature: Bytes;
  readonly parts: readonly ExcerptPart[];
  /** Ascending by public key. */
  readonly witnesses: readonly Witness[];
}

const key = fixed(KEY_LENGTH);
const coreField = prefixed(u32, "the core", LIMITS.core);
const entryField = prefixed(u16, "an entry", 2 ** 16 - 1);
const objectField = prefixed(u32, "a segment", LIMITS.excerpt);
export const witnessCodec: Codec<Witness> = /* @__PURE__ */ struct<Witness>({
  publicKey: key,
  time: u64,
  signature: signatureField,
});

const part: Codec<ExcerptPart> = {
  write(writer, { n, entryBytes, entry, path, segmentKey, object }) {
    u32.write(writer, n);
    entryField.write(writer, entryBytes);
    u8.write(writer, path.length);
    for (const each of path) hash.write(writer, each);
    if (entry.kind !== EntryKind.segment) return;
    key.write(writer, segmentKey!);
    objectField.write(writer, object ?? EMPTY);
  },
  read(reader) {
    const n = u32.read(reader);
    const entryBytes = entryField.read(reader);
    const entry = decodeEntry(entryBytes);
    const path = readMany(reader, hash, u8.read(reader));
    const isSegment = entry.kind === EntryKind.segment;
    const segmentKey = isSegment ? key.read(reader) : undefined;
    const object = isSegment ? objectField.read(reader) : EMPTY;
    return { n, entryBytes, entry, path, segmentKey, object: object.length > 0 ? object : undefined };
  },
};

export function encodeExcerpt({ core, statement, signature, parts, witnesses }: Excerpt): Bytes {
  const writer = new Writer();
  coreField.write(writer, core);
  statementCodec.write(writer, statement);
  signatureField.write(writer, signature);
  u16.write(writer, parts.length);
  for (const each of parts) part.write(writer, each);
  u8.write(writer, witnesses.length);
  for (const each of witnesses) witnessCodec.write(writer, each);
  return concatBytes(startOf(Magic.excerpt), writer.finish());
}

/** The fields before the parts. */
export function readExcerptHead(
  reader: Reader,
  what: string,
): Pick<Excerpt, "core" | "statement" | "signature"> {
  struct(objectStart(Magic.excerpt, what)).read(reader);
  const core = coreField.read(reader);
  return { core, statement: statementCodec.read(reader), signature: signatureField.read(reader) };
}

/** @throws BlindreelError `malformed`, `unsupported-version`, `limit-exceeded`. */
export function decodeExcerpt(bytes: Bytes, what = "the excerpt"): Excerpt {
  const reader = new Reader(bytes, what);
  const { core, statement, signature } = readExcerptHead(reader, what);
  const parts: ExcerptPart[] = [];
  for (let left = u16.read(reader); left > 0; left--) {
    const next = part.read(reader);
    if (next.n <= (parts.at(-1)?.n ?? -1) || next.n >= statement.size)
      throw reader.malformed("parts are out of order");
    parts.push(next);
  }
  const witnesses: Witness[] = [];
  for (let left = u8.read(reader); left > 0; left--) {
    const next = witnessCodec.read(reader);
    const last = witnesses.at(-1);
    if (last && compareBytes(last.publicKey, next.publicKey) >= 0)
      throw reader.malformed("witnesses are out of order or repeated");
    witnesses.push(next);
  }
  reader.end();
  return { core, statement, signature, parts, witnesses };
}

/** Puts a witness in its place. @throws BlindreelError `malformed` where that key has signed already, or there are 255. */
export function withWitness({ witnesses, ...excerpt }: Excerpt, added: Witness): Excerpt {
  if (witnesses.some(({ publicKey }) => compareBytes(publicKey, added.publicKey) === 0))
    throw malformed("this witness has signed already", 0);
  if (witnesses.length === 255) throw malformed("no more than 255 witnesses can sign", 0);
  const all = [...witnesses, added].sort((left, right) => compareBytes(left.publicKey, right.publicKey));
  return { ...excerpt, witnesses: all };
}
