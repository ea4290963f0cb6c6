import { malformed, outOfRange, truncated } from "../errors.js";
import { bytesArgument, equalBytes, isAllZero } from "../formats/bytes.js";
import {
  CoreFlag,
  Kind,
  type KindName,
  LIMITS,
  type Limits,
  nameOf,
  SegmentFlag,
  SenderType,
  SlotType,
} from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { type Checks, countArgument, readOptions } from "../formats/options.js";
import { encodeKeyId } from "../keywrap/thumbprint.js";
import type { KeyId } from "../keywrap/types.js";
import { plaintextLengthOf } from "../stream/geometry.js";
import { decodePolicy, type Policy, toDate } from "./policy.js";
import { decodeSegmentHeader, SEGMENT_HEADER_LENGTH } from "./segment-header.js";
import { envelopeFields, envelopeLength, limitsArgument, PREAMBLE_LENGTH } from "./wire.js";

/** Options of {@link inspect}. */
export interface InspectOptions {
  /** Length of the whole file, where `bytes` is only its beginning. */
  readonly size?: number;
  /** Lowers the format's ceilings. */
  readonly limits?: Partial<Limits>;
}

interface InspectArguments extends InspectOptions {
  readonly limits?: Limits;
}

const INSPECTION_LENGTH: Checks<Pick<InspectArguments, "limits">> = { limits: limitsArgument };
const INSPECT: Checks<InspectArguments> = { limits: limitsArgument, size: countArgument };

/** The public part of an envelope. Not authenticated: a server could have changed it. */
export interface Inspection {
  readonly version: 1;
  readonly suite: number;
  readonly kind: KindName;
  readonly isPostQuantumOnly: boolean;
  /** 32 hex digits. */
  readonly recordingId: string;
  /** Rounded down to the hour. */
  readonly createdAt: Date;
  readonly policy: Policy;
  /** The recording's Ed25519 public key, 64 hex digits; undefined in sealed files. */
  readonly sender: string | undefined;
  readonly epoch: number;
  readonly slots: readonly InspectedSlot[];
  readonly envelopeLength: number;
  readonly sealedMetadataLength: number;
  /** Of what stands behind the envelope, which is nothing in a recording's. */
  readonly content: InspectedContent | undefined;
}

/** One slot of an envelope, as the server sees it. */
export interface InspectedSlot {
  readonly type: number;
  readonly typeName: keyof typeof SlotType | "unknown";
  /** Undefined for an anonymous recipient. */
  readonly keyId: KeyId | undefined;
}

/** The segment of a sealed file, as its header and lengths show it. */
export interface InspectedContent {
  readonly isPadded: boolean;
  /** Offset of the segment, in bytes. */
  readonly offset: number;
  /** Length of the segment, header included. */
  readonly sealedLength: number;
  /** Length of the plaintext, padding included; undefined for the length of a truncated segment. */
  readonly plaintextLength: number | undefined;
}

/**
 * Decodes the public part of an envelope or sealed file, for servers: routing by region, deletion at expiry,
 * support. Synchronous, without keys (format-v1, "Opening", steps 1 to 9 and 18 to 19).
 *
 * @param bytes a whole envelope or file; with `size`, at least its first {@link inspectionLength} bytes.
 * @throws RangeError for a `size` below the length of `bytes`; BlindreelError `not-an-envelope`,
 *   `unsupported-version`, `unsupported-algorithm`, `malformed`, `truncated`, `limit-exceeded`.
 * @category Server
 */
export function inspect(bytes: Uint8Array, given?: InspectOptions): Inspection {
  const options = readOptions<InspectArguments>("options", given, INSPECT);
  const file = bytesArgument("bytes", bytes);
  const { limits = LIMITS } = options;
  const length = envelopeLength(file.subarray(0, PREAMBLE_LENGTH), limits);
  const { size = file.length } = options;
  if (size < file.length) {
    throw outOfRange("options.size", `at least the length of bytes, ${file.length}`, size);
  }
  const { core, epoch, slots } = envelopeFields(file.slice(0, length), limits);
  return {
    version: 1,
    suite: core.suite,
    kind: nameOf(Kind, core.kind)!,
    isPostQuantumOnly: (core.flags & CoreFlag.postQuantumOnly) !== 0,
    recordingId: encodeHex(core.recordingId),
    createdAt: toDate(core.createdAt),
    policy: decodePolicy(core),
    sender: core.senderType === SenderType.none ? undefined : encodeHex(core.sender),
    epoch,
    slots: slots.map(({ type, keyId }) => ({
      type,
      typeName: nameOf(SlotType, type) ?? "unknown",
      keyId: isAllZero(keyId) ? undefined : encodeKeyId(keyId),
    })),
    envelopeLength: length,
    sealedMetadataLength: core.sealedMetadata.length,
    content: inspectContent(file, length, size, core),
  };
}

/**
 * Bytes of a file that {@link inspect} needs: envelope and segment header.
 *
 * @param preamble the first 14 bytes or more.
 * @throws BlindreelError `not-an-envelope`, `unsupported-version`, `truncated`, `limit-exceeded`.
 * @category Server
 */
export function inspectionLength(preamble: Uint8Array, given?: Pick<InspectOptions, "limits">): number {
  const { limits = LIMITS } = readOptions<Pick<InspectArguments, "limits">>(
    "options",
    given,
    INSPECTION_LENGTH,
  );
  const head = bytesArgument("preamble", preamble).subarray(0, PREAMBLE_LENGTH);
  return envelopeLength(head, limits) + SEGMENT_HEADER_LENGTH;
}

function inspectContent(
  file: Uint8Array<ArrayBuffer>,
  offset: number,
  size: number,
  core: { readonly kind: number; readonly recordingId: Uint8Array },
): InspectedContent | undefined {
  if (size === offset) return undefined;
  if (core.kind === Kind.recording) throw malformed("there is something behind the envelope", offset);
  const headerBytes = file.subarray(offset, offset + SEGMENT_HEADER_LENGTH);
  if (headerBytes.length < SEGMENT_HEADER_LENGTH)
    throw truncated("the segment header", offset + headerBytes.length);
  const header = decodeSegmentHeader(headerBytes, offset);
  if (!equalBytes(header.recordingId, core.recordingId)) {
    throw malformed("the segment is of another recording", offset);
  }
  return {
    isPadded: (header.flags & SegmentFlag.padded) !== 0,
    offset,
    sealedLength: size - offset,
    plaintextLength: plaintextLengthOf(size - offset - SEGMENT_HEADER_LENGTH),
  };
}
