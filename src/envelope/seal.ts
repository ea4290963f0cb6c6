import { isBlob } from "../formats/brand.js";
import { type Bytes, bytesArgument, concatBytes, wipe } from "../formats/bytes.js";
import { type KindName, SegmentFlag } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { type Checks, readOptions } from "../formats/options.js";
import { OPERATION, type OperationOptions } from "../stream/operation.js";
import { type Padding, paddingArgument } from "../stream/padding.js";
import { pairThrough, type StreamPair } from "../stream/piece-channel.js";
import { type ByteInput, type PieceSource, piecesOf } from "../stream/pieces.js";
import { layOut, type SealPlan, sealLayout, sealThrough } from "../stream/seal.js";
import { type StreamWorkers, workersArgument } from "../stream/spans.js";
import { createEnvelope, ENVELOPE, type EnvelopeOptions, type EnvelopePlan, planEnvelope } from "./create.js";
import { withInfo } from "./info-stream.js";
import { deriveSegmentKey, segmentContext } from "./key-schedule.js";
import { encodeSegmentHeader, SEGMENT_HEADER_LENGTH } from "./segment-header.js";

/** Options of `seal`, `sealFrom` and `sealStream`. */
export interface SealFileOptions extends EnvelopeOptions, OperationOptions {
  /** Hides the exact length: `"chunk"` within 16 KiB, `"padme"` within 12 % (format-v1, "Padding"). */
  readonly padding?: Padding;
  /** Node: the content is sealed by these threads (`blindreel/workers`), whatever `crypto` is. */
  readonly workers?: StreamWorkers;
}

const SEAL: Checks<SealFileOptions> = {
  ...ENVELOPE,
  ...OPERATION,
  padding: paddingArgument,
  workers: workersArgument,
};

export const sealOptions = (given: SealFileOptions): SealFileOptions =>
  readOptions<SealFileOptions>("options", given, SEAL, ["to"]);

/** Public facts of a new sealed file. */
export interface SealedInfo {
  /** The envelope, the file's first bytes. */
  readonly envelope: Bytes;
  /** 32 hex digits. */
  readonly recordingId: string;
  /** 64 hex digits. Readers that receive it by a channel outside the server's control pin it. */
  readonly coreHash: string;
}

/** A sealed file as a stream, with its `info`. */
export type SealedStream = ReadableStream<Bytes> & { readonly info: Promise<SealedInfo> };

/**
 * Seals bytes in memory to a sealed file (`.reel`): envelope, then one segment (format-v1, "Sealed file").
 * `data` is copied before the promise is returned.
 *
 * @throws BlindreelError `invalid-recipients`, `invalid-json`, `limit-exceeded`, `bad-random`; TypeError and
 *   RangeError for arguments; `signal.reason` when aborted.
 * @category Everyone
 */
export async function seal(data: Uint8Array, given: SealFileOptions): Promise<Bytes> {
  return sealObject("file", data, sealOptions(given));
}

/** {@link seal} for any kind that is one segment behind its envelope; `options` have been read. */
export async function sealObject(
  kind: Exclude<KindName, "recording">,
  data: Uint8Array,
  options: SealFileOptions,
): Promise<Bytes> {
  const plan = planEnvelope(kind, options);
  const headLength = plan.length + SEGMENT_HEADER_LENGTH;
  const layout = layOut(bytesArgument("data", data), headLength, options.padding);
  return sealLayout(layout, startFile(plan, options), options);
}

/**
 * Seals a stream, a Blob or an iterable of bytes in bounded memory; the fastest form for sources that can be
 * pulled. Cancelling the result cancels the source.
 *
 * @throws as {@link seal} for arguments. The stream and `info` fail with its other errors.
 * @category Everyone
 */
export function sealFrom(input: ByteInput, given: SealFileOptions): SealedStream {
  const options = sealOptions(given);
  const plan = planEnvelope("file", options);
  return sealPieces(piecesOf(input), plan, options, isBlob(input) ? input.size : undefined);
}

/**
 * {@link sealFrom} as a transform, for `pipeThrough` and for sources that push.
 *
 * @category Everyone
 */
export function sealStream(given: SealFileOptions): StreamPair & { readonly info: Promise<SealedInfo> } {
  const options = sealOptions(given);
  const plan = planEnvelope("file", options);
  const { readable, writable } = pairThrough((source) => sealPieces(source, plan, options));
  return { readable, writable, info: readable.info };
}

function sealPieces(
  source: PieceSource,
  plan: EnvelopePlan,
  options: SealFileOptions,
  total?: number,
): SealedStream {
  return withInfo<SealedInfo>(source, (pieces, announce) =>
    sealThrough(pieces, () => startFile(plan, options, announce), Object.assign(options, { total })),
  );
}

/** The steps before the stream (format-v1, "Sealing"): envelope → segment header → segment key. */
export async function startFile(
  plan: EnvelopePlan,
  { padding }: SealFileOptions,
  announce?: (info: SealedInfo) => void,
): Promise<SealPlan> {
  const { bytes: envelope, recordingId, coreHash, readKey, contentKey } = await createEnvelope(plan);
  announce?.({
    envelope: envelope.slice(),
    recordingId: encodeHex(recordingId),
    coreHash: encodeHex(coreHash),
  });
  const flags = padding === undefined ? 0 : SegmentFlag.padded;
  const header = encodeSegmentHeader({ flags, recordingId, track: 0, take: 0, index: 0 });
  const key = await deriveSegmentKey(plan.crypto, contentKey, header);
  wipe(readKey, contentKey);
  return { prefix: concatBytes(envelope, header), streamKey: { key, context: segmentContext(header) } };
}
