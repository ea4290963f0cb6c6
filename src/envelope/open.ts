import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { authenticationFailed, malformed, truncated } from "../errors.js";
import { type Bytes, bytesArgument, compareBytes, concatBytes, wipe } from "../formats/bytes.js";
import { LIMITS, type Limits, SegmentFlag } from "../formats/constants.js";
import { readOptions } from "../formats/options.js";
import { type ByteSource, claimedSize, readExactly, sourceArgument } from "../source/byte-source.js";
import { type OpenPlan, openMessage, openThrough } from "../stream/open.js";
import { asyncDispose, OPERATION, type OperationOptions } from "../stream/operation.js";
import { pieceChannel } from "../stream/piece-channel.js";
import { type ByteInput, type PieceReader, type PieceSource, piecesOf } from "../stream/pieces.js";
import { openMessageAccess, type RandomAccess } from "../stream/random-access.js";
import { takeExactly, takeUpTo } from "../stream/read-head.js";
import { withResolvers } from "../stream/resolvers.js";
import type { StreamPair } from "../stream/seal.js";
import { deriveSegmentKey, segmentContext } from "./key-schedule.js";
import { settling } from "./seal.js";
import { decodeSegmentHeader, SEGMENT_HEADER_LENGTH } from "./segment-header.js";
import { type EnvelopeInfo, UNLOCK, type UnlockArguments, type UnlockOptions, unlock } from "./unlock.js";
import { type DecodedEnvelope, decodeEnvelope, envelopeLength, PREAMBLE_LENGTH } from "./wire.js";

/** How to open a sealed file. */
export interface OpenOptions extends UnlockOptions, OperationOptions {}

interface OpenArguments extends UnlockArguments, OperationOptions {}

function openOptions(given: OpenOptions): OpenArguments {
  return readOptions<OpenArguments>("options", given, { ...UNLOCK, ...OPERATION }, ["identities"]);
}

/** A whole file, opened. */
export interface OpenedFile extends EnvelopeInfo {
  readonly data: Bytes;
}

/** An opened file on its way out. */
export type OpenedStream = ReadableStream<Bytes> & { readonly info: Promise<EnvelopeInfo> };

/** An opened file, readable by range. */
export interface OpenedSource extends EnvelopeInfo, RandomAccess {
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a sealed file held in memory, all or nothing.
 *
 * @throws BlindreelError `not-an-envelope`, `unsupported-version`, `unsupported-algorithm`, `malformed`, `truncated`,
 *   `limit-exceeded`, `wrong-kind`, `stale-epoch`, `no-matching-key`, `authentication-failed`, `expired`;
 *   `signal.reason` when aborted.
 */
export async function open(file: Uint8Array, given: OpenOptions): Promise<OpenedFile> {
  const options = openOptions(given);
  const bytes = bytesArgument("file", file);
  const { limits = LIMITS } = options;
  const length = envelopeLength(bytes.subarray(0, PREAMBLE_LENGTH), limits);
  // Copied: the envelope is looked at again after awaiting, and the caller may have changed it by then.
  const head = bytes.slice(0, length + SEGMENT_HEADER_LENGTH);
  const { info, plan, streamOffset } = await unlockFile(head, length, limits, options);
  const data = await openMessage(bytes, streamOffset, plan, options);
  return { ...info, data };
}

/**
 * Opens a stream, a Blob or an iterable. Content is released chunk by chunk as it is authenticated: what came out
 * before an error is a true prefix, and only a clean end says that it was everything.
 */
export function openFrom(input: ByteInput, given: OpenOptions): OpenedStream {
  const options = openOptions(given);
  return openPieces(piecesOf(input), options);
}

/** Opens what is written to `writable`; for `pipeThrough`. */
export function openStream(given: OpenOptions): StreamPair & { readonly info: Promise<EnvelopeInfo> } {
  const options = openOptions(given);
  const { writable, source } = pieceChannel();
  const readable = openPieces(source, options);
  return { readable, writable, info: readable.info };
}

function openPieces(source: PieceSource, options: OpenArguments): OpenedStream {
  const info = withResolvers<EnvelopeInfo>();
  const { limits = LIMITS } = options;
  const makePlan = async (reader: PieceReader): Promise<OpenPlan> => {
    try {
      const preamble = await takeUpTo(reader, PREAMBLE_LENGTH);
      const length = envelopeLength(preamble, limits);
      const rest = await takeExactly(reader, length - PREAMBLE_LENGTH, "the envelope");
      const segmentHeader = await takeUpTo(reader, SEGMENT_HEADER_LENGTH);
      const head = concatBytes(preamble, rest, segmentHeader);
      const unlocked = await unlockFile(head, length, limits, options);
      info.resolve(unlocked.info);
      return unlocked.plan;
    } catch (error) {
      info.reject(error);
      throw error;
    }
  };
  return Object.assign(openThrough(settling(source, info), makePlan, options), { info: info.promise });
}

/** Bytes fetched first: an envelope with a few recipients, the segment header and the stream's header fit in. */
const FIRST_READ = 4096;

/**
 * Opens a stored file for reading by range, without fetching it: the envelope, the last chunk, and then what is asked
 * for. Close it when done; that closes the source.
 */
export async function openSource(source: ByteSource, given: OpenOptions): Promise<OpenedSource> {
  const options = openOptions(given);
  const { limits = LIMITS } = options;
  sourceArgument("source", source);
  const size = await claimedSize(source, options);
  let head = await readExactly(source, 0, Math.min(FIRST_READ, size), options);
  const length = envelopeLength(head.subarray(0, PREAMBLE_LENGTH), limits);
  const headLength = Math.min(length + SEGMENT_HEADER_LENGTH, size);
  if (headLength > head.length) {
    head = concatBytes(head, await readExactly(source, head.length, headLength, options));
  } else head = head.slice();
  const { info, plan, streamOffset } = await unlockFile(
    head.subarray(0, headLength),
    length,
    limits,
    options,
  );
  const access = await openMessageAccess(source, streamOffset, plan, options, { size, head });
  return {
    ...info,
    size: access.size,
    read: (start, end, readOptions) => access.read(start, end, readOptions),
    stream: (start, end, readOptions) => access.stream(start, end, readOptions),
    close: () => access.close(),
    [asyncDispose]: () => access.close(),
  } as OpenedSource;
}

/**
 * @param head the envelope and the segment header, ours to keep views of; the header may be cut off.
 */
async function unlockFile(
  head: Bytes,
  length: number,
  limits: Limits,
  options: UnlockArguments,
): Promise<{ info: EnvelopeInfo; plan: OpenPlan; streamOffset: number }> {
  const crypto = options.crypto ?? defaultProvider();
  const envelope = decodeEnvelope(head.subarray(0, length), limits);
  const { info, contentKey, readKey, fileKey } = await unlock(envelope, ["file"], options);
  wipe(fileKey, readKey);
  try {
    if (head.length < length + SEGMENT_HEADER_LENGTH) throw truncated("the segment header", head.length);
    const plan = await planOf(crypto, envelope, head.subarray(length), contentKey);
    return { info, plan, streamOffset: head.length };
  } finally {
    wipe(contentKey);
  }
}

async function planOf(
  crypto: CryptoProvider,
  envelope: DecodedEnvelope,
  headerBytes: Bytes,
  contentKey: Bytes,
): Promise<OpenPlan> {
  const header = decodeSegmentHeader(headerBytes, envelope.length);
  if (compareBytes(header.recordingId, envelope.core.recordingId) !== 0) throw authenticationFailed();
  if (header.track !== 0 || header.take !== 0 || header.index !== 0) {
    throw malformed("a sealed file's segment must be index 0 of take 0 of track 0", envelope.length);
  }
  const key = await deriveSegmentKey(crypto, contentKey, headerBytes);
  return {
    streamKey: { key, context: segmentContext(headerBytes) },
    isPadded: (header.flags & SegmentFlag.padded) !== 0,
  };
}
