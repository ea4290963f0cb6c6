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

export const JOURNAL_VERSION = 2;

const textBytes = prefixed(u8, "a text in the journal", 255);
const journalText: Codec<string> = {
  write: (writer, value) => textBytes.write(writer, utf8(value)),
  read: (reader) => new TextDecoder().decode(textBytes.read(reader)),
};

/** Records of a journal, by kind (format-v1 leaves them to the writer). Records are only ever added; their order is their number. */
const RECORD_CODECS = {
  /** Times are milliseconds since 1970. */
  start: struct({
    version: u16,
    recordingId: fixed(RECORDING_ID_LENGTH),
    coreHash: fixed(HASH_LENGTH),
    started: u64,
    envelope: prefixed(u32, "the envelope", LIMITS.envelope),
  }),
  track: struct({ track: u16, name: journalText }),
  /** The index is spent, sealed or not; time and type of its take, for an entry that is not written yet. */
  reserve: struct({ track: u16, take: u16, index: u32, time: u64, type: journalText }),
  /** Bytes of an open segment in its blob, and time of the first. */
  grow: struct({ track: u16, index: u32, length: u32, time: u64 }),
  /** The next entry of the recording's log. */
  entry: struct({ bytes: prefixed(u16, "an entry", 2 ** 16 - 1) }),
  /** The next page is sealed. Its blob may be longer, by a dead run's unconfirmed end. */
  page: struct({ page: u32, length: u32, digest: fixed(HASH_LENGTH) }),
  /** A manifest is sealed, likewise. */
  manifest: struct({ sequence: u32, size: u32, isFinal: u8, length: u32, digest: fixed(HASH_LENGTH) }),
  /** The object was acknowledged or refused. */
  settled: struct({ object: u8, track: u16, number: u32 }),
  /** The recording has ended. */
  ended: struct({ time: u64, reason: journalText }),
  /** The run closed the journal: reserved indices were not used. */
  closed: struct({}),
};
const KINDS = Object.keys(RECORD_CODECS) as RecordKind[];

export type RecordKind = keyof typeof RECORD_CODECS;
export type JournalRecords = {
  readonly [K in RecordKind]: (typeof RECORD_CODECS)[K] extends Codec<infer T> ? Readonly<T> : never;
};
export type JournalRecord = { [K in RecordKind]: { readonly kind: K } & JournalRecords[K] }[RecordKind];

export function encodeRecord(record: JournalRecord): Bytes {
  const codec = RECORD_CODECS[record.kind] as Codec<JournalRecord>;
  return concatBytes(encode(u8, KINDS.indexOf(record.kind)), encode(codec, record));
}

/** @throws BlindreelError `journal-damaged` for unknown kinds and lengths. */
export function decodeRecord(bytes: Bytes): JournalRecord {
  const kind = KINDS[bytes[0] ?? KINDS.length];
  try {
    if (kind) {
      const codec = RECORD_CODECS[kind] as Codec<object>;
      return { ...decode(codec, bytes.subarray(1), "a journal's record"), kind } as JournalRecord;
    }
  } catch {
    // Told below.
  }
  throw journalDamaged("a record that this version does not know");
}
