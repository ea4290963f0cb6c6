import { truncated } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { type Codec, decode, encode, fixed, struct, u32 } from "../formats/codec.js";
import { Magic, RECORDING_ID_LENGTH } from "../formats/constants.js";
import { type ObjectStart, objectStart } from "../formats/magic.js";

/** Format-v1, "Manifest": in the clear, and bound into key and signature. */
export interface ManifestHeader {
  readonly recordingId: Bytes;
  /** Counts a recording's manifests from 0. The highest valid one counts. */
  readonly sequence: number;
}

export const MANIFEST_HEADER_LENGTH = Magic.manifest.length + 1 + RECORDING_ID_LENGTH + 4;

const wireCodec = struct<ManifestHeader & ObjectStart>({
  ...objectStart(Magic.manifest, "the manifest"),
  recordingId: fixed(RECORDING_ID_LENGTH),
  sequence: u32,
});

/** For readers of streams. */
export const manifestHeaderCodec: Pick<Codec<ManifestHeader>, "read"> = wireCodec;

export function encodeManifestHeader(header: ManifestHeader): Bytes {
  return encode(wireCodec, { ...header, magic: undefined, version: undefined });
}

/** @throws BlindreelError `truncated`, `malformed`, `unsupported-version`. */
export function decodeManifestHeader(bytes: Bytes): ManifestHeader {
  if (bytes.length < MANIFEST_HEADER_LENGTH) throw truncated("the manifest", bytes.length);
  return decode(wireCodec, bytes.subarray(0, MANIFEST_HEADER_LENGTH), "the manifest");
}
