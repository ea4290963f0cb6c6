import { type Bytes, concatBytes } from "../formats/bytes.js";
import { type Codec, decode, encode, fixed, prefixed, struct, u8, u16, u32, u64 } from "../formats/codec.js";
import { HASH_LENGTH, LIMITS, RECORDING_ID_LENGTH } from "../formats/constants.js";
import { journalDamaged } from "../storage/faults.js";
import type { MediaPoint } from "./manifest.js";

/**
 * What a journal says, record by record. Facts stand for good; what is only in the tail may be rewritten. The layout
 * is nobody's but this software's: a journal is read by the version that wrote it, or refused.
 */
export interface JournalRecords {
  /** The first record of every journal. */
  start: {
    readonly version: number;
    readonly recordingId: Bytes;
    readonly coreHash: Bytes;
    readonly startedAt: number;
    readonly envelope: Bytes;
  };
  track: { readonly track: number; readonly name: string };
  take: {
    readonly track: number;
    readonly firstIndex: number;
    readonly startedAt: number;
    readonly type: string;
  };
  /** Written before the segment's first chunk is encrypted: this index is never entered again. */
  reserve: { readonly track: number; readonly index: number };
  /** Subtrees that are full, `from` the how many-th on. */
  subroots: {
    readonly track: number;
    readonly index: number;
    readonly from: number;
    readonly subroots: readonly Bytes[];
  };
  /** A segment that gets no more chunks, with those of its subroots that no record before had. */
  end: {
    readonly track: number;
    readonly index: number;
    readonly end: number;
    readonly length: number;
    readonly chunks: number;
    readonly head: Bytes;
    readonly from: number;
    readonly subroots: readonly Bytes[];
  };
  points: { readonly track: number; readonly points: readonly MediaPoint[] };
  /** The server has all of this segment. */
  stored: { readonly track: number; readonly index: number };
  /** Written before the manifest of this number is made. */
  sequence: { readonly sequence: number };
  /** The recording has ended; its last manifest, if it could be signed, is in the blob {@link MANIFEST_BLOB}. */
  finished: { readonly sequence: number; readonly isSigned: number };
  /** Tail: hashes of an open segment's new chunks, `from` the how many-th on, and points of its track. */
  chunks: {
    readonly track: number;
    readonly index: number;
    readonly head: Bytes;
    readonly from: number;
    readonly hashes: readonly Bytes[];
    readonly points: readonly MediaPoint[];
  };
  /** Tail: where an open segment stands, as far as no fact says it. */
  state: {
    readonly track: number;
    readonly index: number;
    readonly head: Bytes;
    readonly from: number;
    readonly subroots: readonly Bytes[];
    readonly hashes: readonly Bytes[];
    readonly points: readonly MediaPoint[];
  };
  /** Tail: the server has these bytes of a segment. */
  acknowledged: {
    readonly track: number;
    readonly index: number;
    readonly start: number;
    readonly end: number;
  };
}

export type RecordKind = keyof JournalRecords;
/** A record, told by its kind. */
export type JournalRecord = { [K in RecordKind]: { readonly kind: K } & JournalRecords[K] }[RecordKind];

export const JOURNAL_VERSION = 1;
export const MANIFEST_BLOB = "manifest";

const hash = fixed(HASH_LENGTH);
const text: Codec<string> = {
  write: (writer, value) => textField.write(writer, new TextEncoder().encode(value) as Bytes),
  read: (reader) => new TextDecoder().decode(textField.read(reader)),
};
const textField = prefixed(u8, "a text in the journal", 255);

function list<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    write(writer, items) {
      u32.write(writer, items.length);
      for (const each of items) item.write(writer, each);
    },
    read(reader) {
      const length = u32.read(reader);
      if (length > reader.remaining) throw reader.malformed("a count above what can follow");
      return Array.from({ length }, () => item.read(reader));
    },
  };
}

const hashes = list(hash);
const points = list(struct<MediaPoint>({ time: u32, byte: u64 }));
const segment = { track: u32, index: u32 };

const CODECS: { readonly [K in RecordKind]: readonly [number, Codec<JournalRecords[K]>] } = {
  start: [
    0x01,
    struct({
      version: u16,
      recordingId: fixed(RECORDING_ID_LENGTH),
      coreHash: hash,
      startedAt: u64,
      envelope: prefixed(u32, "the envelope", LIMITS.envelope),
    }),
  ],
  track: [0x02, struct({ track: u32, name: text })],
  take: [0x03, struct({ track: u32, firstIndex: u32, startedAt: u64, type: text })],
  reserve: [0x04, struct(segment)],
  subroots: [0x05, struct({ ...segment, from: u32, subroots: hashes })],
  end: [
    0x06,
    struct({ ...segment, end: u8, length: u64, chunks: u64, head: hash, from: u32, subroots: hashes }),
  ],
  points: [0x07, struct({ track: u32, points })],
  stored: [0x08, struct(segment)],
  sequence: [0x09, struct({ sequence: u32 })],
  finished: [0x0a, struct({ sequence: u32, isSigned: u8 })],
  chunks: [0x81, struct({ ...segment, head: hash, from: u64, hashes, points })],
  state: [0x82, struct({ ...segment, head: hash, from: u32, subroots: hashes, hashes, points })],
  acknowledged: [0x83, struct({ ...segment, start: u64, end: u64 })],
};

export function encodeRecord(record: JournalRecord): Bytes {
  const [kind, codec] = CODECS[record.kind] as readonly [number, Codec<JournalRecord>];
  return concatBytes(encode(u8, kind), encode(codec, record));
}

/** @throws BlindreelError `journal-damaged` for what is no record of this version. */
export function decodeRecord(bytes: Bytes): JournalRecord {
  for (const [kind, [id, codec]] of Object.entries(CODECS)) {
    if (id !== bytes[0]) continue;
    try {
      return {
        kind,
        ...decode(codec as Codec<object>, bytes.subarray(1), "a journal's record"),
      } as JournalRecord;
    } catch {
      break;
    }
  }
  throw journalDamaged("a record that this version does not know");
}
