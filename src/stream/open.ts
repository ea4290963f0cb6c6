import { defaultProvider } from "../crypto/default.js";
import { truncated } from "../errors.js";
import { allocate, type Bytes, bytesArgument } from "../formats/bytes.js";
import { openChunks } from "./batch.js";
import type { ChunkCipher } from "./chunk.js";
import { type StreamKey, startOpening, streamKeyArgument } from "./derive.js";
import { CHUNK, chunkCount, claimedPlaintextLength, HEADER_LENGTH } from "./geometry.js";
import { pushOptions, type StreamOptions, streamOptions } from "./options.js";
import { checkZeros, readLengthField, Unpadder } from "./padding.js";
import { pairThrough, type StreamPair } from "./piece-channel.js";
import { type ByteInput, type PieceReader, type PieceSource, piecesOf } from "./pieces.js";
import { type PushStream, pushStream } from "./push.js";
import { takeExactly } from "./read-head.js";
import { readableThrough } from "./readable.js";
import { OPENING, Transcoder } from "./transcoder.js";

/** The key of a message and its padding flag, known after the bytes before it. */
export interface OpenPlan {
  readonly streamKey: StreamKey;
  readonly isPadded: boolean;
}

/** A message without a prefix, under a copy of the caller's key. */
const openingPlan = (streamKey: StreamKey): OpenPlan => ({
  streamKey: streamKeyArgument(streamKey),
  isPadded: false,
});

/**
 * Opens a message in memory, all or nothing.
 *
 * @param streamKey as for `sealBytes`.
 * @throws BlindreelError `truncated` for an impossible length, else `authentication-failed`; `signal.reason`.
 */
export async function openBytes(
  sealed: Uint8Array,
  streamKey: StreamKey,
  given?: StreamOptions,
): Promise<Bytes> {
  const options = streamOptions(given);
  return openMessage(bytesArgument("sealed", sealed), 0, openingPlan(streamKey), options);
}

/**
 * {@link openBytes} over a stream, a Blob or an iterable. Chunks are released as they are authenticated:
 * output before an error is a true prefix, and only a clean end means completeness.
 */
export function openReadable(
  input: ByteInput,
  streamKey: StreamKey,
  given?: StreamOptions,
): ReadableStream<Bytes> {
  const options = streamOptions(given);
  const plan = openingPlan(streamKey);
  return openThrough(piecesOf(input), async () => plan, options);
}

/** {@link openReadable} as a transform, for `pipeThrough`. */
export function openTransform(streamKey: StreamKey, given?: StreamOptions): StreamPair {
  const options = streamOptions(given);
  const plan = openingPlan(streamKey);
  return pairThrough((source) => openThrough(source, async () => plan, options));
}

/**
 * Opens a message in push form, starting behind its header.
 *
 * @param header the message's first 56 bytes.
 * @throws BlindreelError `authentication-failed` for another key, context or header.
 */
export async function createOpener(
  header: Uint8Array,
  streamKey: StreamKey,
  options?: Pick<StreamOptions, "crypto">,
): Promise<PushStream> {
  const { crypto = defaultProvider() } = pushOptions(options);
  const ownHeader = bytesArgument("header", header).slice();
  const cipher = await startOpening(crypto, streamKeyArgument(streamKey), ownHeader);
  return pushStream(new Transcoder(cipher, OPENING), new Uint8Array(0));
}

/** {@link openBytes} of a message from `streamOffset` to the end of `file`. Wipes the plan's key. */
export async function openMessage(
  file: Bytes,
  streamOffset: number,
  plan: OpenPlan,
  options: StreamOptions,
): Promise<Bytes> {
  const message = file.subarray(streamOffset);
  if (message.length < HEADER_LENGTH) throw truncated("the sealed stream", file.length);
  const header = message.slice(0, HEADER_LENGTH);
  const { crypto = defaultProvider(), workers } = options;
  const cipher = await startOpening(crypto, plan.streamKey, header, workers);
  const { total, output } = await openAllChunks(cipher, message, file.length, options);
  if (!plan.isPadded) return output;
  const lastChunkOffset = total - (total % CHUNK);
  const length = readLengthField(output.subarray(lastChunkOffset), total);
  checkZeros(output, 0, length, total);
  return output.slice(0, length);
}

async function openAllChunks(cipher: ChunkCipher, message: Bytes, end: number, options: StreamOptions) {
  try {
    const total = claimedPlaintextLength(message.length, end);
    const output = allocate("the content's length", total);
    const sealedChunks = message.subarray(HEADER_LENGTH);
    const range = { first: 0, end: chunkCount(total), start: 0 };
    await openChunks(cipher, sealedChunks, range, output, options);
    return { total, output };
  } finally {
    cipher.spans?.end();
  }
}

/**
 * The pull form, paced by the reader of the result.
 *
 * @param start reads the bytes before the message, at the first pull.
 */
export function openThrough(
  source: PieceSource,
  start: (reader: PieceReader) => Promise<OpenPlan>,
  options: StreamOptions,
): ReadableStream<Bytes> {
  const { crypto = defaultProvider(), workers } = options;
  const begin = async (reader: PieceReader) => {
    const { streamKey, isPadded } = await start(reader);
    const origin = reader.consumed;
    const header = await takeExactly(reader, HEADER_LENGTH, "the sealed stream");
    const cipher = await startOpening(crypto, streamKey, header, workers);
    const transcoder = new Transcoder(cipher, OPENING, { origin });
    return isPadded ? { transcoder, filter: new Unpadder() } : { transcoder };
  };
  return readableThrough(source, begin, options);
}
