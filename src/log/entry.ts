import type { CryptoProvider } from "../crypto/provider.js";
import { shortSha256 } from "../crypto/short-hash.js";
import { taggedHash } from "../envelope/key-schedule.js";
import { SEGMENT_HEADER_LENGTH } from "../envelope/segment-header.js";
import { malformed } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { type Codec, checked, fixed, Reader, struct, u8, u16, u32, u64, Writer } from "../formats/codec.js";
import { TAG_LENGTH } from "../formats/constants.js";
import { label } from "../formats/label.js";
import { CHUNK, HEADER_LENGTH, SEALED_CHUNK } from "../stream/geometry.js";
import { hash, readMany, text } from "./fields.js";
import { leafHash, SUBTREE } from "./tree.js";

/**
 * Entries of a recording's log (format-v1, "Entries"): every take that begins, every segment that ends and every loss is one.
 * Entry n never changes. The rules between entries are in `order.ts`.
 */
export type Entry = TakeEntry | SegmentEntry | LostEntry;

export const EntryKind = { take: 1, segment: 2, lost: 3 } as const;

/** `cut`: a crash or a deadline took the last chunk. */
export const SegmentEnd = { final: 1, cut: 2 } as const;
export type SegmentEnd = (typeof SegmentEnd)[keyof typeof SegmentEnd];

/** Kinds of loss (format-v1, "Entries"). */
export const Loss = {
  /** An index without a segment. */
  unsealed: 1,
  /** Sealed segments that were never stored. */
  segment: 2,
  /** Pages that were never stored. */
  page: 3,
  /** The rest of a track. */
  undrained: 4,
  /** All of a take: its source was silent. */
  silent: 5,
} as const;
export type Loss = (typeof Loss)[keyof typeof Loss];

/** Why it is lost. */
export const LossCause = {
  crash: 1,
  /** The time limit of `finish` or `close`. */
  deadline: 2,
  /** An unreadable Blob, a failed recorder. */
  source: 3,
  /** Refused for good. */
  server: 4,
  silence: 5,
  /** The journal lost or damaged it. */
  storage: 6,
  /** More input than the recorder could take. */
  overflow: 7,
} as const;
export type LossCause = (typeof LossCause)[keyof typeof LossCause];

/** The table of causes (format-v1, "Entries"). */
const CAUSES: Readonly<Record<Loss, readonly LossCause[]>> = {
  [Loss.unsealed]: [LossCause.crash, LossCause.deadline, LossCause.storage],
  [Loss.segment]: [LossCause.server, LossCause.storage],
  [Loss.page]: [LossCause.server, LossCause.storage],
  [Loss.undrained]: [LossCause.deadline, LossCause.source, LossCause.storage, LossCause.overflow],
  [Loss.silent]: [LossCause.silence],
};

/** The beginning of a take. */
export interface TakeEntry {
  readonly kind: typeof EntryKind.take;
  readonly salt: Bytes;
  /** From 1, in the order of first use. */
  readonly track: number;
  /** From 0 in each track. */
  readonly take: number;
  readonly name: string;
  /** Media type with codecs, as the recorder names it; may be empty. */
  readonly type: string;
  /** Milliseconds since 1970, like all times here. */
  readonly time: number;
}

/** A place in a segment's content, by media time. */
export interface MediaPoint {
  /** Milliseconds since the segment's time. */
  readonly time: number;
  /** Offset in its content. */
  readonly byte: number;
}

/** A stored segment: its length and hashes. */
export interface SegmentEntry {
  readonly kind: typeof EntryKind.segment;
  readonly salt: Bytes;
  readonly track: number;
  readonly take: number;
  readonly index: number;
  readonly end: SegmentEnd;
  /** When its first byte was written. */
  readonly time: number;
  /** Bytes of the stored object. */
  readonly length: number;
  /** Bytes of content, padding left out. */
  readonly content: number;
  /** Hash of the first 86 bytes: without it a chunk could be opened under another salt of the same key. */
  readonly head: Bytes;
  /** Roots of the aligned subtrees of 64 chunks. */
  readonly subroots: readonly Bytes[];
  readonly points: readonly MediaPoint[];
}

export interface LostEntry {
  readonly kind: typeof EntryKind.lost;
  readonly salt: Bytes;
  readonly what: Loss;
  readonly cause: LossCause;
  /** 0 where pages were lost. */
  readonly track: number;
  /** Indices of segments, or numbers of pages; 0 and 0 where neither is meant. */
  readonly first: number;
  readonly count: number;
  readonly time: number;
}

export const ENTRY_SALT_LENGTH = 16;
/** Bytes of a stored segment before its first chunk: segment header, salt, commitment. */
export const SEGMENT_HEAD_LENGTH = SEGMENT_HEADER_LENGTH + HEADER_LENGTH;
/** Most chunks of a recording's segment, its last included: about 8 MiB. */
export const SEGMENT_CHUNKS = 512;
export const MAX_POINTS = 16;
export const MAX_NAME = 64;
export const MAX_TYPE = 128;
export const MAX_TRACKS = 2 ** 16 - 1;
/** Of one track. */
export const MAX_TAKES = 2 ** 16;
const LENGTH_FIELD = 8;

/** Chunks and plaintext of a stored segment; undefined for a length that no segment with this end has. */
export function segmentGeometry({ end, length }: Pick<SegmentEntry, "end" | "length">) {
  const body = length - SEGMENT_HEAD_LENGTH;
  if (body < 0) return undefined;
  const whole = Math.floor(body / SEALED_CHUNK);
  const rest = body % SEALED_CHUNK;
  const isFinal = end === SegmentEnd.final;
  if (isFinal ? rest < TAG_LENGTH : rest !== 0) return undefined;
  const chunks = isFinal ? whole + 1 : whole;
  if (chunks < 1 || chunks > SEGMENT_CHUNKS) return undefined;
  return { chunks, plaintext: body - chunks * TAG_LENGTH };
}

/** Subroots of a segment with a possible length. */
function subtreeCount(entry: Pick<SegmentEntry, "end" | "length">): number {
  return Math.ceil(segmentGeometry(entry)!.chunks / SUBTREE);
}

/** Whether a segment's header says that it is padded, by its content's length; undefined for a length it cannot have. */
export function isPadded(entry: Pick<SegmentEntry, "end" | "length" | "content">): boolean | undefined {
  const geometry = segmentGeometry(entry);
  if (!geometry) return undefined;
  const { plaintext } = geometry;
  if (entry.content === plaintext) return false;
  const canBePadded = entry.end === SegmentEnd.final && plaintext % CHUNK >= LENGTH_FIELD;
  return canBePadded && entry.content <= plaintext - LENGTH_FIELD ? true : undefined;
}

const salt = fixed(ENTRY_SALT_LENGTH);
const point = struct<MediaPoint>({ time: u32, byte: u32 });

const track: Codec<number> = checked(u16, (value, fail) => {
  if (value === 0) throw fail("track 0, which is the sealed file's");
});

const takeCodec = struct<Omit<TakeEntry, "kind">>({
  salt,
  track,
  take: u16,
  name: checked(text("a track's name", MAX_NAME), (name, fail) => {
    if (name === "") throw fail("a track without a name");
  }),
  type: text("a take's type", MAX_TYPE),
  time: u64,
});

type SegmentFields = Omit<SegmentEntry, "kind">;

const segmentHead = struct<Omit<SegmentFields, "subroots" | "points">>(
  {
    salt,
    track,
    take: u16,
    index: u32,
    end: u8 as Codec<SegmentEnd>,
    time: u64,
    length: u32,
    content: u32,
    head: hash,
  },
  {
    end({ end }, fail) {
      if (end !== SegmentEnd.final && end !== SegmentEnd.cut) throw fail(`a segment's end ${end}`);
    },
    length(entry, fail) {
      if (!segmentGeometry(entry)) throw fail("a length that no segment has");
    },
    content(entry, fail) {
      if (isPadded(entry) === undefined) throw fail("a content that does not fit the segment's length");
    },
  },
);

function checkTail({ subroots, points, ...head }: SegmentFields, fail: (reason: string) => Error): void {
  if (subroots.length !== subtreeCount(head)) throw fail("subroots of another length");
  if (points.length > MAX_POINTS) throw fail(`more than ${MAX_POINTS} points`);
  points.forEach((each, i) => {
    const before = points[i - 1];
    if (before && (each.time <= before.time || each.byte <= before.byte))
      throw fail("points are out of order or repeated");
    if (each.byte >= head.content) throw fail("a point behind the content");
  });
}

const segmentCodec: Codec<SegmentFields> = {
  write(writer, entry) {
    segmentHead.write(writer, entry);
    checkTail(entry, (reason) => malformed(reason, 0));
    for (const root of entry.subroots) hash.write(writer, root);
    u8.write(writer, entry.points.length);
    for (const each of entry.points) point.write(writer, each);
  },
  read(reader) {
    const head = segmentHead.read(reader);
    const subroots = readMany(reader, hash, subtreeCount(head));
    const points = readMany(reader, point, u8.read(reader));
    const entry = { ...head, subroots, points };
    checkTail(entry, (reason) => reader.malformed(reason));
    return entry;
  },
};

const lostCodec = struct<Omit<LostEntry, "kind">>(
  {
    salt,
    what: u8 as Codec<Loss>,
    cause: u8 as Codec<LossCause>,
    track: u16,
    first: u32,
    count: u32,
    time: u64,
  },
  {
    what({ what }, fail) {
      if (CAUSES[what] === undefined) throw fail(`a loss ${what}`);
    },
    cause({ what, cause }, fail) {
      if (!CAUSES[what].includes(cause)) throw fail(`loss ${what} with cause ${cause}`);
    },
    track({ what, track }, fail) {
      if ((track === 0) !== (what === Loss.page)) throw fail("a loss of another track than it can have");
    },
    count({ what, first, count }, fail) {
      const isRange = what <= Loss.page;
      if (isRange ? count === 0 || first + count > 2 ** 32 : first !== 0 || count !== 0)
        throw fail("a range that this loss cannot have");
    },
  },
);

const CODECS = {
  [EntryKind.take]: takeCodec,
  [EntryKind.segment]: segmentCodec,
  [EntryKind.lost]: lostCodec,
} as const;

/** @throws BlindreelError `malformed` for a value outside the format; RangeError for a number outside its field. */
export function encodeEntry(entry: Entry): Bytes {
  const writer = new Writer();
  u8.write(writer, entry.kind);
  (CODECS[entry.kind] as Codec<Entry>).write(writer, entry);
  return writer.finish();
}

/** An entry, and its bytes as they stand in the log. */
export interface LoggedEntry {
  readonly entry: Entry;
  readonly bytes: Bytes;
}

/** Reads the next entry. @throws BlindreelError `malformed`. */
export function readEntry(reader: Reader, whole: Bytes): LoggedEntry {
  const start = reader.offset;
  const kind = u8.read(reader) as Entry["kind"];
  const codec = CODECS[kind] as Codec<Entry> | undefined;
  if (!codec) throw reader.malformed(`an entry of kind ${kind}`);
  const entry = { ...codec.read(reader), kind } as Entry;
  return { entry, bytes: whole.subarray(start, reader.offset) };
}

/** @throws BlindreelError `malformed`. */
export function decodeEntry(bytes: Bytes): Entry {
  const reader = new Reader(bytes, "the entry");
  const { entry } = readEntry(reader, bytes);
  reader.end();
  return entry;
}

const ENTRY_LABEL = /* @__PURE__ */ label("entry");

/** `SHA-256(0x00 || H("entry", entry))`. */
export function logLeaf(entry: Bytes): Bytes {
  return leafHash(shortSha256(ENTRY_LABEL, entry));
}

/** `head = H("segment head", first 86 bytes of the segment)`. */
export function hashSegmentHead(crypto: CryptoProvider, head: Bytes): Promise<Bytes> {
  return taggedHash(crypto, "segment head", head);
}
