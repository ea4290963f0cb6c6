import { malformed } from "../errors.js";
import { type Bytes, compareBytes, utf8 } from "../formats/bytes.js";
import {
  type Codec,
  checked,
  decode,
  encode,
  fixed,
  prefixed,
  type Reader,
  struct,
  u8,
  u16,
  u32,
  u64,
  type Writer,
} from "../formats/codec.js";
import { HASH_LENGTH, LeafType, ManifestState, SegmentEnd, TAG_LENGTH } from "../formats/constants.js";
import { MAX_CHUNKS, SEALED_CHUNK } from "../stream/geometry.js";
import { SEGMENT_HEAD_LENGTH } from "./leaf.js";
import { subtreeCount, treeRoot } from "./tree.js";

/** What a recording consists of, said by who made it (format-v1, "Manifest"). */
export interface Manifest {
  readonly state: ManifestState;
  /** Milliseconds since 1970, as all times in here: media time needs them. */
  readonly startedAt: number;
  readonly writtenAt: number;
  /** How the recording ended; empty in a checkpoint, and nowhere else. */
  readonly reason: string;
  /** Ids, ascending, of tracks that had more to come when the recording was closed. */
  readonly undrained: readonly number[];
  /** Ascending by id. */
  readonly tracks: readonly ManifestTrack[];
  /** Every segment, ascending by track and index. */
  readonly entries: readonly ManifestEntry[];
}

export interface ManifestTrack {
  /** 1, 2, 3 … in the order of first use. */
  readonly id: number;
  readonly name: string;
  /** Ascending by firstIndex. */
  readonly takes: readonly ManifestTake[];
}

/** One run of one media recorder: the segments from `firstIndex` up to the next take's. */
export interface ManifestTake {
  readonly firstIndex: number;
  readonly startedAt: number;
  /** Media type with codecs, as the recorder names it; may be empty. */
  readonly type: string;
  /** The media index: strictly ascending in both. */
  readonly points: readonly MediaPoint[];
}

export interface MediaPoint {
  /** Milliseconds since the take's start. */
  readonly time: number;
  /** Offset in the take's content. */
  readonly byte: number;
}

/** One segment: how long it is and what its bytes hash to. */
export interface ManifestEntry {
  readonly track: number;
  readonly index: number;
  readonly end: SegmentEnd;
  /** Bytes of the stored object, header included. */
  readonly length: number;
  readonly chunks: number;
  readonly leafType: number;
  readonly head: Bytes;
  readonly root: Bytes;
  /** Roots of the aligned subtrees of 64 chunks. */
  readonly subroots: readonly Bytes[];
}

const hash = fixed(HASH_LENGTH);

/** `str8` as text: UTF-8, well formed. */
const text: Codec<string> = {
  write: (writer, value) => utf8Field.write(writer, utf8(wellFormed(value))),
  read(reader) {
    const bytes = utf8Field.read(reader);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw reader.malformed("text that is not UTF-8");
    }
  },
};
const utf8Field = prefixed(u8, "a text in the manifest", 255);

function wellFormed(value: string): string {
  if (/\p{Surrogate}/u.test(value)) throw malformed("the manifest: half of a surrogate pair", 0);
  return value;
}

/** `count`, then as many items; `smallest` is the fewest bytes that one takes, so that a count cannot lie by much. */
function list<T>(count: Codec<number>, item: Codec<T>, smallest: number): Codec<readonly T[]> {
  return {
    write(writer: Writer, items) {
      count.write(writer, items.length);
      for (const each of items) item.write(writer, each);
    },
    read(reader: Reader) {
      const length = count.read(reader);
      if (length * smallest > reader.remaining) throw reader.malformed("a count above what can follow");
      const items: T[] = [];
      for (let i = 0; i < length; i++) items.push(item.read(reader));
      return items;
    },
  };
}

/** Where each must lie behind the one before it. */
function ascending<T>(codec: Codec<readonly T[]>, what: string, isBefore: (a: T, b: T) => boolean) {
  return checked(codec, (items, fail) => {
    for (let i = 1; i < items.length; i++) {
      if (!isBefore(items[i - 1]!, items[i]!)) throw fail(`${what} are out of order or repeated`);
    }
  });
}

function oneOf<T extends number>(
  codec: Codec<number>,
  what: string,
  values: Readonly<Record<string, T>>,
): Codec<T> {
  return checked(codec, (value, fail) => {
    if (!(Object.values(values) as number[]).includes(value))
      throw fail(`${what} ${value} is not one of the format's`);
  }) as Codec<T>;
}

const point = struct<MediaPoint>({ time: u32, byte: u64 });

const take = struct<ManifestTake>({
  firstIndex: u32,
  startedAt: u64,
  type: text,
  points: ascending(list(u32, point, 4 + 8), "points", (a, b) => a.time < b.time && a.byte < b.byte),
});

const track = checked(
  struct<ManifestTrack>({
    id: u32,
    name: text,
    takes: ascending(list(u16, take, 4 + 8 + 1 + 4), "takes", (a, b) => a.firstIndex < b.firstIndex),
  }),
  ({ id, name }, fail) => {
    if (id === 0) throw fail("track 0, which is the sealed file's");
    if (name === "") throw fail("a track without a name");
  },
);

type EntryHead = Omit<ManifestEntry, "subroots">;

const entryHead = checked(
  struct<EntryHead>({
    track: u32,
    index: u32,
    end: oneOf(u8, "a segment's end", SegmentEnd),
    length: u64,
    chunks: u64,
    leafType: oneOf(u8, "leaf type", LeafType),
    head: hash,
    root: hash,
  }),
  ({ end, length, chunks }, fail) => {
    if (!isPossible(end, length, chunks)) throw fail("a segment of this length has another number of chunks");
  },
);

/** Whether a segment with that many chunks can be that long. */
function isPossible(end: SegmentEnd, length: number, chunks: number): boolean {
  if (chunks > MAX_CHUNKS) return false;
  const body = length - SEGMENT_HEAD_LENGTH;
  if (end === SegmentEnd.cut) return body === chunks * SEALED_CHUNK;
  const lastChunk = body - (chunks - 1) * SEALED_CHUNK;
  return chunks > 0 && TAG_LENGTH <= lastChunk && lastChunk < SEALED_CHUNK;
}

/** Head, then as many subroots as its chunks need, without a count of their own. */
const entry: Codec<ManifestEntry> = {
  write(writer, value) {
    checkRoot(value, (reason) => malformed(reason, 0));
    entryHead.write(writer, value);
    for (const subroot of value.subroots) hash.write(writer, subroot);
  },
  read(reader) {
    const head = entryHead.read(reader);
    const count = subtreeCount(head.chunks);
    if (count * HASH_LENGTH > reader.remaining) throw reader.malformed("more chunks than subroots follow");
    const subroots = Array.from({ length: count }, () => hash.read(reader));
    const value = { ...head, subroots };
    checkRoot(value, (reason) => reader.malformed(reason));
    return value;
  },
};

function checkRoot({ chunks, subroots, root }: ManifestEntry, fail: (reason: string) => Error): void {
  if (subroots.length !== subtreeCount(chunks)) throw fail("the number of subroots does not fit the chunks");
  if (compareBytes(treeRoot(subroots), root) !== 0)
    throw fail("a segment's root is not that of its subroots");
}

const ENTRY_HEAD_LENGTH = 4 + 4 + 1 + 8 + 8 + 1 + HASH_LENGTH + HASH_LENGTH;

const body = checked(
  struct<Manifest>({
    state: oneOf(u8, "state", ManifestState),
    startedAt: u64,
    writtenAt: u64,
    reason: text,
    undrained: ascending(list(u16, u32, 4), "undrained tracks", (a, b) => a < b),
    tracks: ascending(list(u16, track, 4 + 2 + 2), "tracks", (a, b) => a.id < b.id),
    entries: ascending(list(u32, entry, ENTRY_HEAD_LENGTH), "entries", isEntryBefore),
  }),
  checkManifest,
);

function isEntryBefore(a: ManifestEntry, b: ManifestEntry): boolean {
  return a.track < b.track || (a.track === b.track && a.index < b.index);
}

/** What holds between the parts. */
function checkManifest(
  { state, reason, undrained, tracks, entries }: Manifest,
  fail: (reason: string) => Error,
) {
  const isOpen = state === ManifestState.open;
  if (isOpen !== (reason === "")) throw fail("a final manifest states a reason, and no other does");
  if (isOpen && undrained.length > 0) throw fail("a checkpoint has no undrained tracks");
  const byId = new Map(tracks.map((each) => [each.id, each]));
  if (new Set(tracks.map(({ name }) => name)).size !== tracks.length) throw fail("two tracks of one name");
  if (undrained.some((id) => !byId.has(id))) throw fail("an undrained track that is not listed");
  for (const { track: id, index } of entries) {
    const firstTake = byId.get(id)?.takes[0];
    if (!firstTake || index < firstTake.firstIndex) throw fail("a segment that belongs to no take");
  }
}

/** @throws BlindreelError `malformed` for a manifest that the format does not allow; RangeError for numbers it cannot hold. */
export function encodeManifest(manifest: Manifest): Bytes {
  return encode(body, manifest);
}

/** Results hold views of `bytes`. @throws BlindreelError `malformed`, `limit-exceeded`. */
export function decodeManifest(bytes: Bytes): Manifest {
  return decode(body, bytes, "the manifest");
}
