import { BlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { type Codec, checked, constant, decode, encode, fixed, struct, u8, u32 } from "../formats/codec.js";
import { FORMAT_VERSION, Magic, RECORDING_ID_LENGTH, SegmentFlag } from "../formats/constants.js";

/** Format-v1, "Segment header": bound into the segment's key, so altering it fails authentication. */
export interface SegmentHeader {
  readonly flags: number;
  readonly recordingId: Bytes;
  readonly track: number;
  readonly index: number;
}

interface WireHeader extends SegmentHeader {
  readonly magic: undefined;
  readonly version: undefined;
}

export const SEGMENT_HEADER_LENGTH = 30;

const wireCodec = struct<WireHeader>({
  magic: constant(Magic.segment, (reader) => reader.malformed("does not start with BLRS")),
  version: constant(Uint8Array.of(FORMAT_VERSION), (_reader, [version]) => {
    const message = `the segment has version ${version}; this software reads version ${FORMAT_VERSION}`;
    return new BlindreelError("unsupported-version", message, { version: version! });
  }),
  flags: checked(u8, (flags) => {
    if ((flags & ~SegmentFlag.padded) === 0) return;
    const message = `this segment uses flags 0x${flags.toString(16)}, which this version does not know`;
    throw new BlindreelError("unsupported-algorithm", message, undefined);
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
