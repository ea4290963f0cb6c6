import { BlindreelError, truncated } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { TAG_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import {
  type ByteSource,
  checkRange,
  claimedSize,
  type ReadOptions,
  readExactly,
} from "../source/byte-source.js";
import { openChunks } from "../stream/batch.js";
import type { ChunkCipher } from "../stream/chunk.js";
import { CHUNK, MAX_CHUNKS, SEALED_CHUNK } from "../stream/geometry.js";
import { SEGMENT_HEAD_LENGTH } from "./leaf.js";
import { objectName } from "./object-name.js";
import { lookUp, type ObjectLookup, readPart } from "./objects.js";
import { openSegmentHead, type RecordingKeys } from "./segment-reader.js";

/**
 * A segment opened without anything signed about it. Each chunk is authentic under the recording's key, so somebody
 * who could open the recording wrote it; whether the recorder did, and whether this is all, nobody says.
 */
export interface UnsignedSegment {
  readonly isVerified: false;
  /** Whether the segment has no end: a crash, or a server, took it. */
  readonly isCut: boolean;
  /** Bytes of content in the chunks that are there. */
  readonly size: number;
  /** Content `[start, end)`. @throws RangeError; BlindreelError `authentication-failed`, `source-failed`. */
  read(start: number, end: number, options?: ReadOptions): Promise<Bytes>;
  close(): Promise<void>;
}

/** @throws BlindreelError `truncated` where there is no such object or not even a head. */
export async function openUnsignedSegment(
  keys: RecordingKeys,
  objects: ObjectLookup,
  place: { readonly track: number; readonly index: number },
  options: ReadOptions,
): Promise<UnsignedSegment> {
  const name = objectName(encodeHex(keys.recordingId), place.track, place.index);
  const source = await lookUp(objects, name, options);
  if (!source) throw truncated(`the object ${name}, which is not there,`, 0);
  try {
    const cipher = await openSegmentHead(
      keys,
      place,
      await readPart(source, name, 0, SEGMENT_HEAD_LENGTH, options),
    );
    const body = (await claimedSize(source, options)) - SEGMENT_HEAD_LENGTH;
    const whole = Math.min(Math.floor(body / SEALED_CHUNK), MAX_CHUNKS);
    const rest = body - whole * SEALED_CHUNK;
    const message: Message = { source, cipher, size: whole * CHUNK };
    const last = await lastChunk(message, whole, rest, options);
    return unsignedSegment({ ...message, size: whole * CHUNK + (last ?? 0) }, last === undefined);
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

interface Message {
  readonly source: ByteSource;
  readonly cipher: ChunkCipher;
  readonly size: number;
}

/** The length of the last, short chunk; undefined where what stands there is none: a piece of a longer one. */
async function lastChunk(
  { source, cipher }: Message,
  index: number,
  length: number,
  options: ReadOptions,
): Promise<number | undefined> {
  if (length < TAG_LENGTH || index >= MAX_CHUNKS) return undefined;
  const from = SEGMENT_HEAD_LENGTH + index * SEALED_CHUNK;
  try {
    return (await cipher.open(index, await readExactly(source, from, from + length, options))).length;
  } catch (error) {
    if (error instanceof BlindreelError && error.code === "authentication-failed") return undefined;
    throw error;
  }
}

function unsignedSegment({ source, cipher, size }: Message, isCut: boolean): UnsignedSegment {
  return {
    isVerified: false,
    isCut,
    size,
    async read(start, end, options = {}) {
      checkRange(start, end, size);
      const output = new Uint8Array(end - start);
      if (start === end) return output;
      const first = Math.floor(start / CHUNK);
      const endChunk = Math.floor((end - 1) / CHUNK) + 1;
      const from = SEGMENT_HEAD_LENGTH + first * SEALED_CHUNK;
      const to = SEGMENT_HEAD_LENGTH + Math.min(endChunk * SEALED_CHUNK, size + endChunk * TAG_LENGTH);
      const sealed = await readExactly(source, from, to, options);
      await openChunks(cipher, sealed, { first, end: endChunk, start }, output, options);
      return output;
    },
    close: async () => source.close?.(),
  };
}
