import { type Bytes, concatBytes, utf8 } from "../../formats/bytes.js";
import {
  type Codec,
  decode,
  encode,
  fixed,
  prefixed,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "../../formats/codec.js";
import { HASH_LENGTH, LIMITS, RECORDING_ID_LENGTH } from "../../formats/constants.js";
import { journalDamaged } from "../../storage/faults.js";

/** What a journal's log says (format-v1 leaves it to the writer). Records are only ever added. */
export interface JournalRecords {
  start: {
    readonly version: number;
    readonly recordingId: Bytes;
    readonly coreHash: Bytes;
    readonly started: number;
    readonly envelope: Bytes;
  };
  track: { readonly track: number; readonly name: string };
  /** This index is spent, whatever comes of it; the take it belongs to, should no entry tell. */
  reserve: {
    readonly track: number;
    readonly take: number;
    readonly index: number;
    readonly time: number;
    readonly type: string;
  };
  /** So many bytes of an open segment are in its blob; when its first was written. */
  grow: { readonly track: number; readonly index: number; readonly length: number; readonly time: number };
  /** The next entry of the recording's log. */
  entry: { readonly bytes: Bytes };
  /** The next page is sealed: so many bytes of a blob of its own, behind which a run that died may have left others. */
  page: { readonly page: number; readonly length: number; readonly digest: Bytes };
  /** A manifest is sealed, likewise. */
  manifest: {
    readonly sequence: number;
    readonly size: number;
    readonly isFinal: number;
    readonly length: number;
    readonly digest: Bytes;
  };
  /** The server has this object, or never will; `number` is an index, a page or a sequence. */
  settled: { readonly object: number; readonly track: number; readonly number: number };
  /** The recording has ended. */
  ended: { readonly time: number; readonly reason: string };
  /** The run let go: indices that are reserved were not used. */
  closed: Record<never, never>;
}

export type RecordKind = keyof JournalRecords;
export type JournalRecord = { [K in RecordKind]: { readonly kind: K } & JournalRecords[K] }[RecordKind];

export const JOURNAL_VERSION = 2;

const textBytes = prefixed(u8, "a text in the journal", 255);
const text: Codec<string> = {
  write: (writer, value) => textBytes.write(writer, utf8(value)),
  read: (reader) => new TextDecoder().decode(textBytes.read(reader)),
};

const CODECS: { readonly [K in RecordKind]: Codec<JournalRecords[K]> } = {
  start: struct({
    version: u16,
    recordingId: fixed(RECORDING_ID_LENGTH),
    coreHash: fixed(HASH_LENGTH),
    started: u64,
    envelope: prefixed(u32, "the envelope", LIMITS.envelope),
  }),
  track: struct({ track: u16, name: text }),
  reserve: struct({ track: u16, take: u16, index: u32, time: u64, type: text }),
  grow: struct({ track: u16, index: u32, length: u32, time: u64 }),
  entry: struct({ bytes: prefixed(u16, "an entry", 2 ** 16 - 1) }),
  page: struct({ page: u32, length: u32, digest: fixed(HASH_LENGTH) }),
  manifest: struct({ sequence: u32, size: u32, isFinal: u8, length: u32, digest: fixed(HASH_LENGTH) }),
  settled: struct({ object: u8, track: u16, number: u32 }),
  ended: struct({ time: u64, reason: text }),
  closed: struct({}),
};
const KINDS = Object.keys(CODECS) as RecordKind[];

export function encodeRecord(record: JournalRecord): Bytes {
  const codec = CODECS[record.kind] as Codec<JournalRecord>;
  return concatBytes(encode(u8, KINDS.indexOf(record.kind)), encode(codec, record));
}

/** @throws BlindreelError `journal-damaged` for what is no record of this version. */
export function decodeRecord(bytes: Bytes): JournalRecord {
  const kind = KINDS[bytes[0] ?? KINDS.length];
  try {
    if (kind) {
      const codec = CODECS[kind] as Codec<object>;
      return { ...decode(codec, bytes.subarray(1), "a journal's record"), kind } as JournalRecord;
    }
  } catch {
    // Told below.
  }
  throw journalDamaged("a record that this version does not know");
}
