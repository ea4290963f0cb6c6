import { malformed, outOfRange, truncated } from "../errors.js";
import { bytesArgument, compareBytes, isAllZero } from "../formats/bytes.js";
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

export interface InspectOptions {
  /** Length of the whole file, where `bytes` is only its beginning. */
  readonly size?: number;
  /** Lowers the format's ceilings. */
  readonly limits?: Partial<Limits>;
}

interface InspectArguments extends InspectOptions {
  readonly limits?: Limits;
}

const LENGTH: Checks<Pick<InspectArguments, "limits">> = { limits: limitsArgument };
const INSPECT: Checks<InspectArguments> = { limits: limitsArgument, size: countArgument };

/** Everything that can be seen without a key. None of it is authenticated: a server could have changed it. */
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
  /** The session's Ed25519 key, 64 hex digits. */
  readonly sender: string | undefined;
  readonly epoch: number;
  readonly slots: readonly InspectedSlot[];
  readonly envelopeLength: number;
  readonly sealedMetadataLength: number;
  /** Only for a sealed file with something behind its envelope. */
  readonly content: InspectedContent | undefined;
}

export interface InspectedSlot {
  readonly type: number;
  readonly typeName: keyof typeof SlotType | "unknown";
  /** Undefined for an anonymous recipient. */
  readonly keyId: KeyId | undefined;
}

export interface InspectedContent {
  readonly isPadded: boolean;
  /** Where the segment starts. */
  readonly offset: number;
  /** Length of the segment, header included. */
  readonly sealedLength: number;
  /** Length of the plaintext, padding included; undefined where no segment has this length: it was cut off. */
  readonly plaintextLength: number | undefined;
}

/**
 * Reads what a server can read: for routing by region, deleting at expiry, support. No key, nothing asynchronous.
 *
 * @param bytes a whole file or envelope, or with `size` given at least the first {@link inspectionLength} bytes of it.
 * @throws RangeError for a size below what is there; BlindreelError `not-an-envelope`, `unsupported-version`, `unsupported-algorithm`, `malformed`, `truncated`,
 *   `limit-exceeded`.
 */
export function inspect(bytes: Uint8Array, given?: InspectOptions): Inspection {
  const options = readOptions<InspectArguments>("options", given, INSPECT);
  const file = bytesArgument("bytes", bytes);
  const { limits = LIMITS } = options;
  const length = envelopeLength(file.subarray(0, PREAMBLE_LENGTH), limits);
  const { size = file.length } = options;
  if (size < file.length) {
    throw outOfRange("options.size", `an integer from ${file.length} on, the bytes that are here`, size);
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

/** How many bytes of a file `inspect` needs: its envelope and segment header. @param preamble at least 14 bytes. */
export function inspectionLength(preamble: Uint8Array, given?: Pick<InspectOptions, "limits">): number {
  const { limits = LIMITS } = readOptions<Pick<InspectArguments, "limits">>("options", given, LENGTH);
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
  if (core.kind !== Kind.file) throw malformed("there is something behind the envelope", offset);
  const headerBytes = file.subarray(offset, offset + SEGMENT_HEADER_LENGTH);
  if (headerBytes.length < SEGMENT_HEADER_LENGTH)
    throw truncated("the segment header", offset + headerBytes.length);
  const header = decodeSegmentHeader(headerBytes, offset);
  if (compareBytes(header.recordingId, core.recordingId) !== 0) {
    throw malformed("the segment is of another recording", offset);
  }
  return {
    isPadded: (header.flags & SegmentFlag.padded) !== 0,
    offset,
    sealedLength: size - offset,
    plaintextLength: plaintextLengthOf(size - offset - SEGMENT_HEADER_LENGTH),
  };
}
