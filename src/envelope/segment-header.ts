import { type Bytes, concatBytes } from "../formats/bytes.js";
import { type Codec, decode, encode, fixed, refuseUnknown, struct, u8, u16, u32 } from "../formats/codec.js";
import { RECORDING_ID_LENGTH, SEGMENT_MAGIC, SegmentFlag } from "../formats/constants.js";
import { type ObjectStart, objectStart, startOf } from "../formats/magic.js";

/** Format-v1, "Segment": input of segmentKey, so an altered header fails authentication. */
export interface SegmentHeader {
  readonly flags: number;
  readonly recordingId: Bytes;
  /** Track, take and index are 0 except in recordings. */
  readonly track: number;
  readonly take: number;
  readonly index: number;
}

interface WireHeader extends ObjectStart, SegmentHeader {}

export const SEGMENT_HEADER_LENGTH = 30;

const fields = { flags: u8, recordingId: fixed(RECORDING_ID_LENGTH), track: u16, take: u16, index: u32 };

export function encodeSegmentHeader(header: SegmentHeader): Bytes {
  return concatBytes(startOf(SEGMENT_MAGIC), encode(struct<SegmentHeader>(fields), header));
}

/** Made once; dropped from bundles that only seal. */
export const segmentHeaderReader: Pick<Codec<SegmentHeader>, "read"> = /* @__PURE__ */ makeReader();

function makeReader(): Codec<WireHeader> {
  return struct<WireHeader>(
    { ...objectStart(SEGMENT_MAGIC, "the segment"), ...fields },
    { flags: ({ flags }) => refuseUnknown("this segment uses flags", flags, [0, SegmentFlag.padded]) },
  );
}

/** @param base offset of the header in the file, for errors. */
export function decodeSegmentHeader(bytes: Bytes, base: number): SegmentHeader {
  return decode(segmentHeaderReader, bytes, "the segment header", base);
}
