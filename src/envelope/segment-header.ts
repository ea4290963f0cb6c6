import { unsupportedAlgorithm } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { type Codec, checked, decode, encode, fixed, struct, u8, u32 } from "../formats/codec.js";
import { RECORDING_ID_LENGTH, SEGMENT_MAGIC, SegmentFlag } from "../formats/constants.js";
import { type ObjectStart, objectStart } from "../formats/magic.js";

/** Format-v1, "Segment header": bound into the segment's key, so altering it fails authentication. */
export interface SegmentHeader {
  readonly flags: number;
  readonly recordingId: Bytes;
  readonly track: number;
  readonly index: number;
}

interface WireHeader extends SegmentHeader, ObjectStart {}

export const SEGMENT_HEADER_LENGTH = 30;

const wireCodec = struct<WireHeader>({
  ...objectStart(SEGMENT_MAGIC, "the segment"),
  flags: checked(u8, (flags) => {
    if ((flags & ~SegmentFlag.padded) !== 0) throw unsupportedAlgorithm("this segment uses flags", flags);
  }),
  recordingId: fixed(RECORDING_ID_LENGTH),
  track: u32,
  index: u32,
});

/** For readers of streams. */
export const segmentHeaderCodec: Pick<Codec<SegmentHeader>, "read"> = wireCodec;

export function encodeSegmentHeader(header: SegmentHeader): Bytes {
  return encode(wireCodec, { ...header, magic: undefined, version: undefined });
}

/** @param base offset of the header in the file, for errors. */
export function decodeSegmentHeader(bytes: Bytes, base: number): SegmentHeader {
  return decode(wireCodec, bytes, "the segment header", base);
}
