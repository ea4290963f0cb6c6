/// <reference lib="esnext.disposable" preserve="true" />
import { defaultProvider } from "../crypto/default.js";
import { authenticationFailed, malformed, truncated } from "../errors.js";
import { type Bytes, bytesArgument, concatBytes, equalBytes, wipe } from "../formats/bytes.js";
import { type KindName, LIMITS, type Limits, SegmentFlag } from "../formats/constants.js";
import { type Checks, readOptions } from "../formats/options.js";
import { type ByteSource, claimedSize, readExactly, sourceArgument } from "../source/byte-source.js";
import { type OpenPlan, openMessage, openThrough } from "../stream/open.js";
import { asyncDispose, OPERATION, type OperationOptions } from "../stream/operation.js";
import { pairThrough, type StreamPair } from "../stream/piece-channel.js";
import { type ByteInput, type PieceReader, type PieceSource, piecesOf } from "../stream/pieces.js";
import { openMessageAccess, type RandomAccess } from "../stream/random-access.js";
import { takeExactly, takeUpTo } from "../stream/read-head.js";
import { type StreamWorkers, workersArgument } from "../stream/spans.js";
import { withInfo } from "./info-stream.js";
import { deriveSegmentKey, segmentContext } from "./key-schedule.js";
import { decodeSegmentHeader, SEGMENT_HEADER_LENGTH } from "./segment-header.js";
import { type EnvelopeInfo, UNLOCK, type UnlockArguments, type UnlockOptions, unlock } from "./unlock.js";
import { decodeEnvelope, envelopeLength, PREAMBLE_LENGTH } from "./wire.js";

/** Options of `open`, `openFrom` and `openStream`. */
export interface OpenOptions extends OpenSourceOptions {
  /** Node: the content is opened by these threads (`blindreel/workers`), whatever `crypto` is. */
  readonly workers?: StreamWorkers;
}

/** Options of `openSource`. */
export interface OpenSourceOptions extends UnlockOptions, OperationOptions {}

interface SourceArguments extends UnlockArguments, OperationOptions {
  readonly limits: Limits;
}

export interface OpenArguments extends SourceArguments {
  readonly workers?: StreamWorkers;
}

const SOURCE: Checks<UnlockArguments & OperationOptions> = { ...UNLOCK, ...OPERATION };
const OPEN: Checks<UnlockArguments & Omit<OpenOptions, "identities" | "limits">> = {
  ...SOURCE,
  workers: workersArgument,
};

export const openOptions = (given: OpenOptions): OpenArguments => readWithLimits(given, OPEN);

function readWithLimits<T extends UnlockArguments>(
  given: unknown,
  checks: Checks<T>,
): T & { readonly limits: Limits } {
  const options = readOptions<T>("options", given, checks, ["identities"]);
  // Without a prototype, as read: a literal would inherit from a polluted Object.prototype.
  return Object.assign(options, { limits: options.limits ?? LIMITS });
}

/** A sealed file, opened in memory. */
export interface OpenedFile extends EnvelopeInfo {
  readonly data: Bytes;
}

/** The content of a sealed file as a stream, with its `info`. */
export type OpenedStream = ReadableStream<Bytes> & { readonly info: Promise<EnvelopeInfo> };

/** The content of a sealed file by range. */
export interface OpenedSource extends EnvelopeInfo, RandomAccess {
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a sealed file in memory, all or nothing (format-v1, "Opening").
 *
 * @throws BlindreelError `not-an-envelope`, `unsupported-version`, `unsupported-algorithm`, `malformed`,
 *   `truncated`, `limit-exceeded`, `wrong-kind`, `stale-epoch`, `no-matching-key`, `authentication-failed`,
 *   `expired`; `signal.reason` when aborted.
 * @category Everyone
 */
export async function open(file: Uint8Array, given: OpenOptions): Promise<OpenedFile> {
  return openObject("file", file, openOptions(given));
}

/** {@link open} for any kind that is one segment behind its envelope; `options` have been read. */
export async function openObject(
  kind: Exclude<KindName, "recording">,
  file: Uint8Array,
  options: OpenArguments,
): Promise<OpenedFile> {
  const bytes = bytesArgument("file", file);
  const length = envelopeLength(bytes.subarray(0, PREAMBLE_LENGTH), options.limits);
  // A copy: read again after an await, when the caller may have changed `file`.
  const head = bytes.slice(0, length + SEGMENT_HEADER_LENGTH);
  const { info, plan } = await unlockFile(head, length, options, kind);
  return { ...info, data: await openMessage(bytes, head.length, plan, options) };
}

/**
 * Opens a sealed file from a stream, a Blob or an iterable. Content is released as its chunks are
 * authenticated: output before an error is a true prefix, and only a clean end means completeness.
 *
 * @throws TypeError for arguments. The stream and `info` fail with the errors of {@link open}.
 * @category Everyone
 */
export function openFrom(input: ByteInput, given: OpenOptions): OpenedStream {
  const options = openOptions(given);
  return openPieces(piecesOf(input), options);
}

/**
 * {@link openFrom} as a transform, for `pipeThrough`.
 *
 * @category Everyone
 */
export function openStream(given: OpenOptions): StreamPair & { readonly info: Promise<EnvelopeInfo> } {
  const options = openOptions(given);
  const { readable, writable } = pairThrough((source) => openPieces(source, options));
  return { readable, writable, info: readable.info };
}

function openPieces(source: PieceSource, options: OpenArguments): OpenedStream {
  return withInfo<EnvelopeInfo>(source, (pieces, announce) => {
    const start = async (reader: PieceReader): Promise<OpenPlan> => {
      const preamble = await takeUpTo(reader, PREAMBLE_LENGTH);
      const length = envelopeLength(preamble, options.limits);
      const rest = await takeExactly(reader, length - PREAMBLE_LENGTH, "the envelope");
      const segmentHeader = await takeUpTo(reader, SEGMENT_HEADER_LENGTH);
      const { info, plan } = await unlockFile(concatBytes(preamble, rest, segmentHeader), length, options);
      announce(info);
      return plan;
    };
    return openThrough(pieces, start, options);
  });
}

/** First read, in bytes: envelope with a few recipients, segment header and stream header. */
const HEAD_READ = 4096;

/**
 * Opens a stored file by range: reads its envelope and last chunk, then the requested ranges. `close()`
 * closes the source too.
 *
 * @throws BlindreelError as {@link open}, and `source-failed`, `source-changed`.
 * @category Reviewer
 */
export async function openSource(source: ByteSource, given: OpenSourceOptions): Promise<OpenedSource> {
  const options = readWithLimits(given, SOURCE);
  sourceArgument("source", source);
  const size = await claimedSize(source, options);
  const first = await readExactly(source, 0, Math.min(HEAD_READ, size), options);
  const length = envelopeLength(first.subarray(0, PREAMBLE_LENGTH), options.limits);
  const headLength = Math.min(length + SEGMENT_HEADER_LENGTH, size);
  const rest = await readExactly(source, first.length, Math.max(first.length, headLength), options);
  // A copy: the head must not change, and sources may return views of their own memory.
  const head = concatBytes(first, rest);
  const { info, plan } = await unlockFile(head.subarray(0, headLength), length, options);
  const access = await openMessageAccess(source, headLength, plan, options, { size, head });
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
 * The steps before the stream (format-v1, "Opening", 5 to 21): envelope → keys → segment header → segment
 * key.
 *
 * @param head envelope and segment header, possibly truncated. It must not change afterwards.
 * @param length the envelope's.
 */
export async function unlockFile(
  head: Bytes,
  length: number,
  options: SourceArguments,
  kind: KindName = "file",
): Promise<{ readonly info: EnvelopeInfo; readonly plan: OpenPlan }> {
  const { crypto = defaultProvider() } = options;
  const envelope = decodeEnvelope(head.subarray(0, length), options.limits);
  const { info, contentKey, readKey, fileKey } = await unlock(envelope, [kind], options);
  wipe(fileKey, readKey);
  try {
    if (head.length < length + SEGMENT_HEADER_LENGTH) throw truncated("the segment header", head.length);
    const headerBytes = head.subarray(length);
    const header = decodeSegmentHeader(headerBytes, length);
    if (!equalBytes(header.recordingId, envelope.core.recordingId)) throw authenticationFailed();
    if (header.track !== 0 || header.take !== 0 || header.index !== 0) {
      throw malformed("a sealed file's segment must be index 0 of take 0 of track 0", length);
    }
    const key = await deriveSegmentKey(crypto, contentKey, headerBytes);
    const streamKey = { key, context: segmentContext(headerBytes) };
    return { info, plan: { streamKey, isPadded: (header.flags & SegmentFlag.padded) !== 0 } };
  } finally {
    wipe(contentKey);
  }
}
