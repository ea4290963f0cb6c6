import { SEGMENT_HEADER_LENGTH, segmentHeaderReader } from "../envelope/segment-header.js";
import { malformed } from "../errors.js";
import { type Bytes, compareBytes } from "../formats/bytes.js";
import { fixed } from "../formats/codec.js";
import { SegmentFlag } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import {
  CHUNK,
  COMMITMENT_LENGTH,
  chunkCount,
  claimedPlaintextLength,
  HEADER_LENGTH,
  MAX_CHUNKS,
  SALT_LENGTH,
  SEALED_CHUNK,
} from "../stream/geometry.js";
import { counted, decoded, type FieldList, type Grammar } from "./demand.js";
import type { SegmentStructure } from "./structure.js";

const SEGMENT = "the segment";

/** The length of padded plaintext lies whole in the last chunk (format-v1, "Padding"). */
const SHORTEST_PADDED_END = 8;

/**
 * Format-v1, "Segment".
 *
 * @param offset where it starts in the object.
 * @param recordingId of the envelope in front of it, where there is one: then this is a sealed file's segment.
 */
export function* segmentGrammar(
  fields: FieldList,
  offset: number,
  recordingId: Bytes | undefined,
): Grammar<SegmentStructure> {
  const header = yield* decoded(segmentHeaderReader, "the segment header");
  if (recordingId) {
    if (compareBytes(header.recordingId, recordingId) !== 0) {
      throw malformed("the segment is of another recording", offset);
    }
    if (header.track !== 0 || header.take !== 0 || header.index !== 0) {
      throw malformed("the segment of a sealed file has track, take and index 0", offset);
    }
  }
  fields.add("segment header", SEGMENT_HEADER_LENGTH, "public");
  const streamLength = yield* streamGrammar(fields, SEGMENT, MAX_CHUNKS * SEALED_CHUNK - 1);
  const end = offset + SEGMENT_HEADER_LENGTH + streamLength;
  const isPadded = (header.flags & SegmentFlag.padded) !== 0;
  const body = streamLength - HEADER_LENGTH;
  const isCut = recordingId === undefined && body % SEALED_CHUNK === 0;
  const plaintextLength = isCut ? (body / SEALED_CHUNK) * CHUNK : claimedPlaintextLength(streamLength, end);
  if (isPadded && !isCut && plaintextLength % CHUNK < SHORTEST_PADDED_END) {
    throw malformed("the segment is padded, and its last chunk is too short to hold the length", end);
  }
  return {
    recordingId: encodeHex(header.recordingId),
    track: header.track,
    take: header.take,
    index: header.index,
    isPadded,
    offset,
    length: end - offset,
    chunks: isCut ? body / SEALED_CHUNK : chunkCount(plaintextLength),
    isCut,
    plaintextLength,
  };
}

/** Salt, commitment, and chunks to the end of the object. @returns its length in bytes. */
export function* streamGrammar(fields: FieldList, what: string, longestBody: number): Grammar<number> {
  yield* decoded(fixed(SALT_LENGTH), what);
  fields.add("salt", SALT_LENGTH, "sealed");
  yield* decoded(fixed(COMMITMENT_LENGTH), what);
  fields.add("stream commitment", COMMITMENT_LENGTH, "sealed");
  const close = fields.addOpen("chunks", "sealed");
  const body = yield* counted(what, longestBody);
  close(body);
  return HEADER_LENGTH + body;
}
