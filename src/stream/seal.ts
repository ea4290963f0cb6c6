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
import { sealInPlace } from "./batch.js";
import { type StreamKey, startSealing, streamKeyArgument } from "./derive.js";
import { HEADER_LENGTH, sealedLength } from "./geometry.js";
import { breather } from "./operation.js";
import { pushOptions, type StreamOptions, streamOptions } from "./options.js";
import { type Padding, paddedLength, paddedPieces, writeLengthField } from "./padding.js";
import { pairThrough, type StreamPair } from "./piece-channel.js";
import { type ByteInput, type PieceSource, piecesOf } from "./pieces.js";
import { type PushStream, pushStream } from "./push.js";
import { readableThrough } from "./readable.js";
import { SEALING, Transcoder } from "./transcoder.js";

/** The bytes before a message, and its key. */
export interface SealPlan {
  readonly prefix: Bytes;
  readonly streamKey: StreamKey;
}

/** A message without a prefix, under a copy of the caller's key. */
const sealingPlan = (streamKey: StreamKey): SealPlan => ({
  prefix: EMPTY,
  streamKey: streamKeyArgument(streamKey),
});

/**
 * Seals a message in memory: `salt || commitment || chunks` (chunked-encryption, "Message chunking"). `data`
 * is copied before the promise is returned.
 *
 * @param streamKey a uniformly random key of 32 bytes, and context bytes that the opener must know too.
 * @throws RangeError above 2^32 chunks; `signal.reason` when aborted.
 */
export async function sealBytes(
  data: Uint8Array,
  streamKey: StreamKey,
  given?: StreamOptions,
): Promise<Bytes> {
  const options = streamOptions(given);
  return sealLayout(layOut(bytesArgument("data", data), 0), sealingPlan(streamKey), options);
}

/** {@link sealBytes} over a stream, a Blob or an iterable; the fastest form for pull sources. */
export function sealReadable(
  input: ByteInput,
  streamKey: StreamKey,
  given?: StreamOptions,
): ReadableStream<Bytes> {
  const options = streamOptions(given);
  const plan = sealingPlan(streamKey);
  return sealThrough(piecesOf(input), async () => plan, options);
}

/** {@link sealBytes} as a transform, for `pipeThrough`. */
export function sealTransform(streamKey: StreamKey, given?: StreamOptions): StreamPair {
  const options = streamOptions(given);
  const plan = sealingPlan(streamKey);
  return pairThrough((source) => sealThrough(source, async () => plan, options));
}

/** Seals a message in push form, whose methods return bytes, not promises, on synchronous backends (Node). */
export async function createSealer(
  streamKey: StreamKey,
  options?: Pick<StreamOptions, "crypto">,
): Promise<PushStream> {
  const { crypto = defaultProvider() } = pushOptions(options);
  const { cipher, header } = await startSealing(crypto, streamKeyArgument(streamKey));
  return pushStream(new Transcoder(cipher, SEALING), header);
}

/** A buffer for a sealed message, with its plaintext at the end. */
interface Layout {
  readonly output: Bytes;
  readonly plaintextLength: number;
  /** Offset of the salt. */
  readonly streamOffset: number;
  /** Its time counts from before the copy. */
  readonly breathe: () => Promise<void> | undefined;
}

/**
 * Copies `data` in one piece: 4,096 copies to the chunks' own places take Chromium a third longer for 64 MiB. Synchronous.
 *
 * @param prefixLength bytes in front of the message.
 */
export function layOut(data: Bytes, prefixLength: number, padding?: Padding): Layout {
  const plaintextLength = padding ? paddedLength(padding, data.length) : data.length;
  const breathe = breather();
  const output = allocate("data's sealed length", prefixLength + sealedLength(plaintextLength));
  output.set(data, output.length - plaintextLength);
  // The length field ends where the last chunk's plaintext ends.
  if (padding) writeLengthField(output, data.length);
  return { output, plaintextLength, streamOffset: prefixLength, breathe };
}

/** Seals a layout in place, under the plan's key, which it wipes. @returns `output`, wiped on failure. */
export async function sealLayout(
  { output, plaintextLength, streamOffset, breathe }: Layout,
  plan: MaybePromise<SealPlan>,
  options: StreamOptions,
): Promise<Bytes> {
  try {
    const { prefix, streamKey } = await plan;
    if (prefix.length !== streamOffset) throw outOfRange("prefix length", `${streamOffset}`, prefix.length);
    const { cipher, header } = await startSealing(
      options.crypto ?? defaultProvider(),
      streamKey,
      options.workers,
    );
    output.set(prefix);
    output.set(header, streamOffset);
    await breathe();
    await sealInPlace(cipher, output.subarray(streamOffset + HEADER_LENGTH), plaintextLength, options);
    return output;
  } catch (error) {
    output.fill(0);
    throw error;
  }
}

/**
 * The pull form, paced by the reader of the result.
 *
 * @param start makes the plan, at the first pull.
 */
export function sealThrough(
  source: PieceSource,
  start: () => Promise<SealPlan>,
  options: StreamOptions & { readonly padding?: Padding | undefined; readonly total?: number | undefined },
): ReadableStream<Bytes> {
  const { crypto = defaultProvider(), padding, workers } = options;
  const begin = async () => {
    const { prefix, streamKey } = await start();
    const { cipher, header } = await startSealing(crypto, streamKey, workers);
    return { prefix: concatBytes(prefix, header), transcoder: new Transcoder(cipher, SEALING) };
  };
  return readableThrough(padding ? paddedPieces(source, padding) : source, begin, options);
}

/** A message in push form, sealed into the caller's buffers: for recordings, which keep the ciphertext. */
export interface PlacingSealer {
  /** Output before the first chunk. */
  readonly header: Bytes;
  /** Consumes `piece` before it returns; see {@link Transcoder.pushInto}. */
  push(piece: Bytes, place: () => Bytes): MaybePromise<void>;
  /** Ends the message. @returns the last chunk. */
  finish(): MaybePromise<Bytes>;
  /** Ends the message without a last chunk and wipes buffers. */
  destroy(reason: unknown): void;
}

/** {@link createSealer} into the caller's buffers. Wipes the key. */
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
