import { isBlob } from "../formats/brand.js";
import { type Bytes, bytesArgument, concatBytes, wipe } from "../formats/bytes.js";
import { SegmentFlag } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { type Checks, readOptions } from "../formats/options.js";
import { OPERATION, type OperationOptions } from "../stream/operation.js";
import { checkedPadding, type Padding } from "../stream/padding.js";
import { pairThrough, type StreamPair } from "../stream/piece-channel.js";
import { type ByteInput, type PieceSource, piecesOf } from "../stream/pieces.js";
import { layOut, type SealPlan, sealLayout, sealThrough } from "../stream/seal.js";
import { createEnvelope, ENVELOPE, type EnvelopeOptions, type EnvelopePlan, planEnvelope } from "./create.js";
import { type InfoStream, withInfo } from "./info-stream.js";
import { deriveSegmentKey, segmentContext } from "./key-schedule.js";
import { encodeSegmentHeader, SEGMENT_HEADER_LENGTH } from "./segment-header.js";

/** How to seal one file or message. */
export interface SealFileOptions extends EnvelopeOptions, OperationOptions {
  /** Hides the exact length: `"chunk"` within 16 KiB, `"padme"` within 12 %. */
  readonly padding?: Padding;
}

const SEAL: Checks<SealFileOptions> = {
  ...ENVELOPE,
  ...OPERATION,
  padding: (_name, value) => checkedPadding(value as Padding)!,
};

const sealOptions = (given: SealFileOptions): SealFileOptions =>
  readOptions<SealFileOptions>("options", given, SEAL, ["to"]);

/** What a sealer learns about the file it makes. */
export interface SealedInfo {
  /** The envelope's bytes, the first of the file. */
  readonly envelope: Bytes;
  /** 32 hex digits. */
  readonly recordingId: string;
  /** 64 hex digits; hand it to readers by a way the server does not control, and they can pin it. */
  readonly coreHash: string;
}

/** A sealed file on its way out. */
export type SealedStream = InfoStream<SealedInfo>;

/**
 * Seals bytes in memory to a sealed file (`.reel`): envelope, then one segment. `data` is copied before the promise
 * is returned.
 *
 * @throws BlindreelError `invalid-recipients`, `invalid-json`, `limit-exceeded`, `bad-random`; TypeError and
 *   RangeError for arguments; `signal.reason` when aborted.
 */
export async function seal(data: Uint8Array, given: SealFileOptions): Promise<Bytes> {
  const options = sealOptions(given);
  const plan = planEnvelope("file", options);
  const headLength = plan.length + SEGMENT_HEADER_LENGTH;
  const layout = layOut(bytesArgument("data", data), headLength, options.padding);
  return sealLayout(layout, startFile(plan, options), options);
}

/**
 * Seals a stream, a Blob or an iterable of bytes: the fastest form where the source is at hand. Memory stays bounded
 * whatever the length. Cancelling the result cancels the source.
 */
export function sealFrom(input: ByteInput, given: SealFileOptions): SealedStream {
  const options = sealOptions(given);
  const plan = planEnvelope("file", options);
  return sealPieces(piecesOf(input), plan, options, isBlob(input) ? input.size : undefined);
}

/** Seals what is written to `writable`; for `pipeThrough`, and where the source pushes. */
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
    sealThrough(pieces, () => startFile(plan, options, announce), { ...options, total }),
  );
}

/** Everything before the first chunk: plan → file key, slots and envelope → segment header → segment key. */
async function startFile(
  plan: EnvelopePlan,
  { padding }: SealFileOptions,
  announce?: (info: SealedInfo) => void,
): Promise<SealPlan> {
  const { bytes, recordingId, coreHash, readKey, contentKey } = await createEnvelope(plan);
  announce?.({
    envelope: bytes.slice(),
    recordingId: encodeHex(recordingId),
    coreHash: encodeHex(coreHash),
  });
  const flags = padding === undefined ? 0 : SegmentFlag.padded;
  const header = encodeSegmentHeader({ flags, recordingId, track: 0, take: 0, index: 0 });
  const key = await deriveSegmentKey(plan.crypto, contentKey, header);
  wipe(readKey, contentKey);
  return { prefix: concatBytes(bytes, header), streamKey: { key, context: segmentContext(header) } };
}
