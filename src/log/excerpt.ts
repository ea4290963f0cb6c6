import { malformed } from "../errors.js";
import { type Bytes, compareBytes, concatBytes } from "../formats/bytes.js";
import {
  type Codec,
  encode,
  fixed,
  prefixed,
  Reader,
  struct,
  u8,
  u16,
  u32,
  u64,
  Writer,
} from "../formats/codec.js";
import { HASH_LENGTH, KEY_LENGTH, LIMITS, Magic } from "../formats/constants.js";
import { type ObjectStart, objectStart, startOf } from "../formats/magic.js";
import { decodeEntry, type Entry, EntryKind } from "./entry.js";
import { SEALED_HEADER_LENGTH, SIGNATURE_LENGTH } from "./sealed-object.js";
import { ManifestState, type Statement } from "./statement.js";
import { readMany } from "./text.js";

/** Somebody who saw a manifest's statement, and when. */
export interface Witness {
  readonly publicKey: Bytes;
  /** Milliseconds since 1970, by the witness's clock. */
  readonly time: number;
  readonly signature: Bytes;
}

/** One entry of the log that is shown, with what leads from it to the log's root. */
export interface ExcerptPart {
  /** The entry's place in the log. */
  readonly n: number;
  readonly entryBytes: Bytes;
  readonly entry: Entry;
  readonly path: readonly Bytes[];
  /** Only of a segment: what opens it, and its stored object, or nothing where the reader fetches it. */
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

const hash = fixed(HASH_LENGTH);
const key = fixed(KEY_LENGTH);
const signature = fixed(SIGNATURE_LENGTH);
const core = prefixed(u32, "the core", LIMITS.core);
const entryField = prefixed(u16, "an entry", 2 ** 16 - 1);
const object = prefixed(u32, "a segment", LIMITS.excerpt);
const witness = struct<Witness>({ publicKey: key, time: u64, signature });

type Head = Statement & { readonly core: Bytes; readonly signature: Bytes };

const headFields: { readonly [K in keyof Head]: Codec<Head[K]> } = {
  core,
  header: fixed(SEALED_HEADER_LENGTH),
  state: u8 as Codec<ManifestState>,
  size: u32,
  logRoot: hash,
  detailsHash: hash,
  signature,
};

const part: Codec<ExcerptPart> = {
  write(writer, { n, entryBytes, entry, path, segmentKey, object: bytes }) {
    u32.write(writer, n);
    entryField.write(writer, entryBytes);
    u8.write(writer, path.length);
    for (const each of path) hash.write(writer, each);
    if (entry.kind !== EntryKind.segment) return;
    key.write(writer, segmentKey!);
    object.write(writer, bytes ?? new Uint8Array(0));
  },
  read(reader) {
    const n = u32.read(reader);
    const entryBytes = entryField.read(reader);
    const entry = decodeEntry(entryBytes);
    const path = readMany(reader, hash, u8.read(reader));
    if (entry.kind !== EntryKind.segment)
      return { n, entryBytes, entry, path, segmentKey: undefined, object: undefined };
    const segmentKey = key.read(reader);
    const bytes = object.read(reader);
    return { n, entryBytes, entry, path, segmentKey, object: bytes.length === 0 ? undefined : bytes };
  },
};

export function encodeExcerpt({ core, statement, signature, parts, witnesses }: Excerpt): Bytes {
  const writer = new Writer();
  struct<Head>(headFields).write(writer, { ...statement, core, signature });
  u16.write(writer, parts.length);
  for (const each of parts) part.write(writer, each);
  u8.write(writer, witnesses.length);
  for (const each of witnesses) witness.write(writer, each);
  return concatBytes(startOf(Magic.excerpt), writer.finish());
}

/** @throws BlindreelError `malformed`, `unsupported-version`, `limit-exceeded`. */
export function decodeExcerpt(bytes: Bytes, what = "the excerpt"): Excerpt {
  const reader = new Reader(bytes, what);
  const start = struct<Head & ObjectStart>({ ...objectStart(Magic.excerpt, what), ...headFields });
  const { core, signature, header, state, size, logRoot, detailsHash } = start.read(reader);
  if (state !== ManifestState.open && state !== ManifestState.final)
    throw reader.malformed(`a manifest's state ${state}`);
  const parts: ExcerptPart[] = [];
  for (let left = u16.read(reader); left > 0; left--) {
    const next = part.read(reader);
    if (next.n <= (parts.at(-1)?.n ?? -1) || next.n >= size) throw reader.malformed("parts are out of order");
    parts.push(next);
  }
  const witnesses: Witness[] = [];
  for (let left = u8.read(reader); left > 0; left--) {
    const next = witness.read(reader);
    const last = witnesses.at(-1);
    if (last && compareBytes(last.publicKey, next.publicKey) >= 0)
      throw reader.malformed("witnesses are out of order or repeated");
    witnesses.push(next);
  }
  reader.end();
  const statement = { header, state, size, logRoot, detailsHash };
  return { core, statement, signature, parts, witnesses };
}

/** A witness's time as it is signed. */
export function encodeTime(time: number): Bytes {
  return encode(u64, time);
}

/** Puts a witness in its place. @throws BlindreelError `malformed` where that key has signed already, or there are 255. */
export function withWitness({ witnesses, ...excerpt }: Excerpt, added: Witness): Excerpt {
  if (witnesses.some(({ publicKey }) => compareBytes(publicKey, added.publicKey) === 0))
    throw malformed("this witness has signed already", 0);
  if (witnesses.length === 255) throw malformed("no more than 255 witnesses can sign", 0);
  const all = [...witnesses, added].sort((left, right) => compareBytes(left.publicKey, right.publicKey));
  return { ...excerpt, witnesses: all };
}
