import { providerArgument } from "../crypto/argument.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { closedError } from "../errors.js";
import { isBlob } from "../formats/brand.js";
import { type Bytes, bytesArgument, concatBytes, wipe } from "../formats/bytes.js";
import { SegmentFlag } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import {
  asGiven,
  type Checks,
  dateArgument,
  functionArgument,
  readOptions,
  signalArgument,
} from "../formats/options.js";
import type { OperationOptions } from "../stream/operation.js";
import { checkedPadding, type Padding } from "../stream/padding.js";
import { pieceChannel } from "../stream/piece-channel.js";
import { type ByteInput, type PieceSource, piecesOf } from "../stream/pieces.js";
import { withResolvers } from "../stream/resolvers.js";
import { layOut, type SealPlan, type StreamPair, sealLayout, sealThrough } from "../stream/seal.js";
import {
  type CreatedEnvelope,
  createEnvelope,
  type EnvelopeOptions,
  type EnvelopePlan,
  planEnvelope,
} from "./create.js";
import { deriveSegmentKey, segmentContext } from "./key-schedule.js";
import { encodeSegmentHeader, SEGMENT_HEADER_LENGTH } from "./segment-header.js";

/** How to seal one file or message. */
export interface SealFileOptions extends EnvelopeOptions, OperationOptions {
  /** Hides the exact length: `"chunk"` within 16 KiB, `"padme"` within 12 %. */
  readonly padding?: Padding;
}

const SEAL: Checks<SealFileOptions> = {
  to: asGiven,
  policy: asGiven,
  metadata: asGiven,
  now: dateArgument,
  crypto: providerArgument,
  signal: signalArgument,
  onProgress: functionArgument,
  padding: (_name, value) => checkedPadding(value as Padding)!,
};

function sealOptions(given: SealFileOptions): SealFileOptions {
  return readOptions<SealFileOptions>("options", given, SEAL, ["to"]);
}

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
export type SealedStream = ReadableStream<Bytes> & { readonly info: Promise<SealedInfo> };

/**
 * Seals bytes in memory to a sealed file (`.reel`): envelope, then one segment. `data` is copied before the promise
 * is returned.
 *
 * @throws BlindreelError `invalid-recipients`, `invalid-json`, `limit-exceeded`, `bad-random`; TypeError and
 *   RangeError for arguments; `signal.reason` when aborted.
 */
export async function seal(data: Uint8Array, given: SealFileOptions): Promise<Bytes> {
  const options = sealOptions(given);
  const { padding } = options;
  const envelopePlan = planEnvelope("file", options);
  const layout = layOut(bytesArgument("data", data), envelopePlan.length + SEGMENT_HEADER_LENGTH, padding);
  await sealLayout(
    layout,
    async () => planOf(await createEnvelope(envelopePlan), envelopePlan.crypto, padding),
    options,
  );
  return layout.output;
}

/**
 * Seals a stream, a Blob or an iterable of bytes: the fastest form where the source is at hand. Memory stays bounded
 * whatever the length. Cancelling the result cancels the source.
 */
export function sealFrom(input: ByteInput, given: SealFileOptions): SealedStream {
  const sealInput = sealingOf(given);
  return sealInput(piecesOf(input), isBlob(input) ? input.size : undefined);
}

/** Seals what is written to `writable`; for `pipeThrough`, and where the source pushes. */
export function sealStream(given: SealFileOptions): StreamPair & { readonly info: Promise<SealedInfo> } {
  const sealInput = sealingOf(given);
  const { writable, source } = pieceChannel();
  const readable = sealInput(source);
  return { readable, writable, info: readable.info };
}

/** Reads all of the caller's options before the input is touched. */
function sealingOf(given: SealFileOptions): (source: PieceSource, total?: number) => SealedStream {
  const options = sealOptions(given);
  const envelopePlan = planEnvelope("file", options);
  return (source, total) => sealPieces(source, envelopePlan, options, total);
}

function sealPieces(
  source: PieceSource,
  envelopePlan: EnvelopePlan,
  options: SealFileOptions,
  total: number | undefined,
): SealedStream {
  const { padding } = options;
  const info = withResolvers<SealedInfo>();
  const makePlan = async (): Promise<SealPlan> => {
    try {
      const envelope = await createEnvelope(envelopePlan);
      info.resolve(sealedInfo(envelope));
      return await planOf(envelope, envelopePlan.crypto, padding);
    } catch (error) {
      info.reject(error);
      throw error;
    }
  };
  const stream = sealThrough(settling(source, info), makePlan, { ...options, total });
  return Object.assign(stream, { info: info.promise });
}

/** Content is one segment, of track, take and index 0, behind the envelope. */
async function planOf(
  { bytes, recordingId, contentKey }: CreatedEnvelope,
  crypto: CryptoProvider,
  padding: Padding | undefined,
): Promise<SealPlan> {
  const flags = padding === undefined ? 0 : SegmentFlag.padded;
  const segmentHeader = encodeSegmentHeader({ flags, recordingId, track: 0, take: 0, index: 0 });
  const key = await deriveSegmentKey(crypto, contentKey, segmentHeader);
  wipe(contentKey);
  return {
    prefix: concatBytes(bytes, segmentHeader),
    streamKey: { key, context: segmentContext(segmentHeader) },
  };
}

function sealedInfo({ bytes, recordingId, coreHash }: CreatedEnvelope): SealedInfo {
  return { envelope: bytes.slice(), recordingId: encodeHex(recordingId), coreHash: encodeHex(coreHash) };
}

/** `source`; stopping it, as cancel and abort do, settles `info` too: whoever waits for it learns that it won't come. */
export function settling(
  source: PieceSource,
  info: { readonly reject: (reason: unknown) => void },
): PieceSource {
  return {
    next: () => source.next(),
    cancel(reason) {
      info.reject(reason ?? closedError("the stream"));
      return source.cancel(reason);
    },
    finished: () => source.finished?.(),
  };
}
