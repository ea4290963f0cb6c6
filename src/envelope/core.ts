import { ascii, type Bytes } from "../formats/bytes.js";
import {
  type Codec,
  decode,
  encode,
  fixed,
  prefixed,
  type RulesOf,
  refuseUnknown,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "../formats/codec.js";
import {
  CoreFlag,
  CREATED_AT_STEP,
  HASH_LENGTH,
  INSTITUTION_LENGTH,
  KEY_LENGTH,
  Kind,
  LIMITS,
  type Limits,
  METADATA_BLOCK,
  RECORDING_ID_LENGTH,
  SenderType,
  SUITE,
} from "../formats/constants.js";
import { plaintextLengthOf } from "../stream/geometry.js";

/** The immutable part of an envelope, in wire order (format-v1, "Core"). */
export interface Core {
  readonly suite: number;
  readonly kind: number;
  readonly flags: number;
  readonly recordingId: Bytes;
  /** Seconds since 1970, rounded down to the hour. */
  readonly createdAt: number;
  /** Seconds since 1970; 0 for none. */
  readonly expiresAt: number;
  readonly region: Bytes;
  readonly institution: Bytes;
  readonly senderType: number;
  readonly sender: Bytes;
  readonly sealedMetadata: Bytes;
  readonly commitment: Bytes;
}

/** The fields before `sealedMetadata`: coreHead. */
export type CoreHead = Omit<Core, "sealedMetadata" | "commitment">;

/** A core as received, with the prefixes that the key schedule hashes (format-v1, "Core"). */
export interface CoreParts {
  readonly bytes: Bytes;
  /** coreHead: before the length of `sealedMetadata`. */
  readonly head: Bytes;
  /** Before the commitment. */
  readonly core0: Bytes;
}

const METADATA_LENGTH_FIELD = 4;
const REGION = /^[a-z0-9-]{0,16}$/;
/** Ceiling on the wire, as in {@link REGION}. */
const MAX_REGION = 16;

const coreHeadFields = {
  suite: u16,
  kind: u8,
  flags: u16,
  recordingId: fixed(RECORDING_ID_LENGTH),
  createdAt: u64,
  expiresAt: u64,
  region: prefixed(u8, "region", MAX_REGION),
  institution: fixed(INSTITUTION_LENGTH),
  senderType: u8,
  sender: prefixed(u16, "sender", KEY_LENGTH),
};

/** Rules for readers; a writer's values come from checked options. */
const coreRules: RulesOf<Core> = {
  suite: ({ suite }) => refuseUnknown("this envelope uses suite", suite, [SUITE]),
  kind: ({ kind }) => refuseUnknown("this envelope uses kind", kind, Object.values(Kind)),
  flags: ({ flags }) => refuseUnknown("this envelope uses flags", flags, [0, CoreFlag.postQuantumOnly]),
  createdAt({ createdAt }, fail) {
    if (createdAt % CREATED_AT_STEP !== 0) throw fail("createdAt is not a whole hour");
  },
  region({ region }, fail) {
    if (!isRegion(String.fromCharCode(...region))) throw fail("region may hold a-z, 0-9 and - only");
  },
  senderType: ({ senderType }) =>
    refuseUnknown("this envelope uses sender type", senderType, Object.values(SenderType)),
  sender({ senderType, sender }, fail) {
    const expected = senderType === SenderType.none ? 0 : KEY_LENGTH;
    if (sender.length !== expected) throw fail("the sender's length does not fit its type");
  },
};

/** Checks each rule right after its field (format-v1, "Opening", step 7). */
export function coreReader(limits: Limits): Pick<Codec<Core>, "read"> {
  const sealedMetadata = prefixed(u32, "sealed metadata", limits.sealedMetadata, (length, fail) => {
    if (!isMetadataLength(length)) throw fail("the sealed metadata has an impossible length");
  });
  return struct<Core>({ ...coreHeadFields, sealedMetadata, commitment: fixed(HASH_LENGTH) }, coreRules);
}

/** @param base offset of the core in the file, for errors. */
export function decodeCore(bytes: Bytes, limits: Limits, base: number): Core {
  return decode(coreReader(limits), bytes, "the envelope's core", base);
}

export function encodeCore(core: Core): Bytes {
  const sealedMetadata = prefixed(u32, "sealed metadata", LIMITS.sealedMetadata);
  return encode(struct<Core>({ ...coreHeadFields, sealedMetadata, commitment: fixed(HASH_LENGTH) }), core);
}

/** Views of a core's bytes, for the key schedule. */
export function coreParts(bytes: Bytes, sealedMetadataLength: number): CoreParts {
  const core0Length = bytes.length - HASH_LENGTH;
  const headLength = core0Length - sealedMetadataLength - METADATA_LENGTH_FIELD;
  return { bytes, head: bytes.subarray(0, headLength), core0: bytes.subarray(0, core0Length) };
}

/** coreHead, to which metadataKey is bound (format-v1, "Key schedule"). */
export function encodeCoreHead(head: CoreHead): Bytes {
  return encode(struct<CoreHead>(coreHeadFields), head);
}

export function isRegion(region: string): boolean {
  return REGION.test(region);
}

export const regionBytes = ascii;

/** Whether a stream of a positive multiple of 512 bytes has this length (format-v1, "Sealed metadata"). */
function isMetadataLength(length: number): boolean {
  const plaintextLength = plaintextLengthOf(length);
  return plaintextLength !== undefined && plaintextLength > 0 && plaintextLength % METADATA_BLOCK === 0;
}
