import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { outOfRange } from "../errors.js";
import {
  allocate,
  type Bytes,
  bytesArgument,
  concatBytes,
  EMPTY,
  type MaybePromise,
} from "../formats/bytes.js";
import { type Checks, functionArgument, readOptions, signalArgument } from "../formats/options.js";
import { sealInPlace, spreadChunks } from "./batch.js";
import { type StreamKey, startSealing, streamKeyArgument } from "./derive.js";
import { HEADER_LENGTH, sealedLength } from "./geometry.js";
import type { OperationOptions } from "./operation.js";
import { type Padding, paddedLength, paddedPieces, writeLengthField } from "./padding.js";
import { pieceChannel } from "./piece-channel.js";
import { type ByteInput, type PieceSource, piecesOf } from "./pieces.js";
import { readableThrough } from "./readable.js";
import { SEALING, Transcoder } from "./transcoder.js";

export interface StreamOptions extends OperationOptions {
  /** Overrides the runtime's provider, for this call. */
  readonly crypto?: CryptoProvider;
}

export const STREAM: Checks<StreamOptions> = {
  signal: signalArgument,
  onProgress: functionArgument,
  crypto: providerArgument,
};

export function streamOptions(given: StreamOptions | undefined): StreamOptions {
  return readOptions<StreamOptions>("options", given, STREAM);
}

/** What is written before the stream, and the key it is sealed under. Made once, when sealing starts. */
export interface SealPlan {
  readonly prefix: Bytes;
  readonly streamKey: StreamKey;
}

export interface SealOptions extends StreamOptions {
  /** Hides the length; recorded by the caller in its own header. */
  readonly padding?: Padding | undefined;
}

/** A web stream pair: bytes written to one end come out of the other. */
export interface StreamPair {
  readonly readable: ReadableStream<Bytes>;
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * Seals a message held in memory: `salt || commitment || chunks` (chunked-encryption, "Message chunking").
 * `data` is copied before the call returns its promise.
 *
 * @param streamKey a 32-byte uniformly random key, and context bytes that the opener must know too.
 * @throws RangeError above 2^32 chunks; `signal.reason` when aborted.
 */
export async function sealBytes(
  data: Uint8Array,
  streamKey: StreamKey,
  given?: StreamOptions,
): Promise<Bytes> {
  const options = streamOptions(given);
  const plan = planOf(streamKey);
  const layout = layOut(bytesArgument("data", data), 0, undefined);
  await sealLayout(layout, async () => plan, options);
  return layout.output;
}

/** Room for a sealed message, its plaintext already in place. */
export interface Layout {
  readonly output: Bytes;
  readonly plaintextLength: number;
  /** Where the salt stands. */
  readonly streamOffset: number;
}

/** Copies `data` to where it will be sealed, behind `prefixLength` bytes for the caller. Synchronous. */
export function layOut(data: Bytes, prefixLength: number, padding: Padding | undefined): Layout {
  const plaintextLength = padding ? paddedLength(padding, data.length) : data.length;
  const output = allocate("data's sealed length", prefixLength + sealedLength(plaintextLength));
  spreadChunks(data, output.subarray(prefixLength + HEADER_LENGTH));
  if (padding) {
    // The length field lies whole in the last chunk, so it ends where the last chunk's plaintext ends.
    writeLengthField(output.subarray(0, output.length - (sealedLength(0) - HEADER_LENGTH)), data.length);
  }
  return { output, plaintextLength, streamOffset: prefixLength };
}

/** Seals a layout in place; on failure nothing of the plaintext stays behind. */
export async function sealLayout(
  layout: Layout,
  makePlan: () => Promise<SealPlan>,
  options: StreamOptions,
): Promise<void> {
  const { output, plaintextLength, streamOffset } = layout;
  try {
    const plan = await makePlan();
    if (plan.prefix.length !== streamOffset)
      throw outOfRange("prefix length", `${streamOffset}`, plan.prefix.length);
    const { cipher, header } = await startSealing(options.crypto ?? defaultProvider(), plan.streamKey);
    output.set(plan.prefix);
    output.set(header, streamOffset);
    await sealInPlace(cipher, output.subarray(streamOffset + HEADER_LENGTH), plaintextLength, options);
  } catch (error) {
    output.fill(0);
    throw error;
  }
}

/** The pull form: sealed bytes come as fast as the result is read. */
export function sealThrough(
  source: PieceSource,
  makePlan: () => Promise<SealPlan>,
  options: SealOptions & { readonly total?: number | undefined },
): ReadableStream<Bytes> {
  const crypto = options.crypto ?? defaultProvider();
  const pieces = options.padding ? paddedPieces(source, options.padding) : source;
  const start = async () => {
    const { prefix, streamKey } = await makePlan();
    const { cipher, header } = await startSealing(crypto, streamKey);
    return { prefix: concatBytes(prefix, header), transcoder: new Transcoder(cipher, SEALING) };
  };
  return readableThrough(pieces, start, options);
}

/** {@link sealBytes} over a stream, a Blob or an iterable: the fastest form where the source is at hand. */
export function sealReadable(
  input: ByteInput,
  streamKey: StreamKey,
  given?: StreamOptions,
): ReadableStream<Bytes> {
  const options = streamOptions(given);
  const plan = planOf(streamKey);
  return sealThrough(piecesOf(input), async () => plan, options);
}

/** {@link sealBytes} as a transform, for `pipeThrough`. */
export function sealTransform(streamKey: StreamKey, given?: StreamOptions): StreamPair {
  const options = streamOptions(given);
  const plan = planOf(streamKey);
  const { writable, source } = pieceChannel();
  return { writable, readable: sealThrough(source, async () => plan, options) };
}

/** A message on its own, with a copy of the caller's key. */
function planOf(streamKey: StreamKey): SealPlan {
  return { prefix: EMPTY, streamKey: streamKeyArgument(streamKey) };
}

/** The push form: for callers with small pieces and no use for web streams. */
export interface PushStream {
  /** Bytes to send before anything `push` returns. Empty when opening. */
  readonly header: Bytes;
  /** Consumes `piece` before it returns; results belong in the order of the calls. */
  push(piece: Uint8Array): MaybePromise<Bytes>;
  /** The last chunk. Nothing may follow. */
  finish(): MaybePromise<Bytes>;
  /** Gives up, wiping what is buffered. */
  destroy(reason?: unknown): void;
}

/** A message in push form, into memory of the caller's: for callers that keep what they seal. */
export interface PlacingSealer {
  /** Bytes to send before any chunk. */
  readonly header: Bytes;
  /** Consumes `piece` before it returns; see {@link Transcoder.pushInto}. */
  push(piece: Bytes, place: () => Bytes): MaybePromise<void>;
  /** The last chunk. Nothing may follow. */
  finish(): MaybePromise<Bytes>;
  /** Gives up, wiping what is buffered. */
  destroy(reason: unknown): void;
}

/** {@link createSealer} for callers that keep what they seal. The caller wipes the key. */
export async function createPlacingSealer(
  crypto: CryptoProvider,
  streamKey: StreamKey,
): Promise<PlacingSealer> {
  const { cipher, header } = await startSealing(crypto, streamKey);
  const transcoder = new Transcoder(cipher, SEALING);
  return {
    header,
    push: (piece, place) => transcoder.pushInto(piece, place),
    finish: () => transcoder.finish(),
    destroy: (reason) => transcoder.destroy(reason),
  };
}

/** Starts a message in push form. On synchronous backends (Node) its methods return bytes, not promises. */
export async function createSealer(
  streamKey: StreamKey,
  options?: Pick<StreamOptions, "crypto">,
): Promise<PushStream> {
  const { crypto = defaultProvider() } = pushOptions(options);
  const { cipher, header } = await startSealing(crypto, streamKeyArgument(streamKey));
  return pushStream(new Transcoder(cipher, SEALING), header);
}

const PUSH: Checks<Pick<StreamOptions, "crypto">> = { crypto: providerArgument };

export function pushOptions(given: Pick<StreamOptions, "crypto"> | undefined): Pick<StreamOptions, "crypto"> {
  return readOptions("options", given, PUSH);
}

export function pushStream(transcoder: Transcoder, header: Bytes): PushStream {
  return {
    header,
    push: (piece) => transcoder.push(bytesArgument("piece", piece)),
    finish: () => transcoder.finish(),
    destroy: (reason) =>
      transcoder.destroy(reason ?? new DOMException("The stream was destroyed", "AbortError")),
  };
}
