import { defaultProvider } from "../crypto/default.js";
import { closedError, truncated } from "../errors.js";
import { allocate, type Bytes, EMPTY } from "../formats/bytes.js";
import { type Checks, countArgument, flagArgument, readOptions } from "../formats/options.js";
import {
  type ByteSource,
  checkRange,
  claimedSize,
  type ReadOptions,
  readExactly,
  readOptionsOf,
  sourceArgument,
} from "../source/byte-source.js";
import { openChunks } from "./batch.js";
import type { ChunkCipher } from "./chunk.js";
import { type StreamKey, startOpening, streamKeyArgument } from "./derive.js";
import {
  CHUNK,
  chunkCount,
  chunkOffset,
  claimedPlaintextLength,
  HEADER_LENGTH,
  SEALED_CHUNK,
} from "./geometry.js";
import type { OpenPlan } from "./open.js";
import { type RangeOptions, rangeOptions } from "./options.js";
import { checkZeros, readLengthField } from "./padding.js";

/** Chunks of one read by {@link RandomAccess.stream} and of one step of the padding check. */
const CHUNKS_PER_STEP = 16;

/** Plaintext of one sealed message, by range. Every returned byte is authenticated; nothing is cached. */
export interface RandomAccess {
  /** Length of the content in bytes, authenticated by the last chunk. */
  readonly size: number;
  /**
   * Content bytes `[start, end)` in memory. A read up to the end of padded content also checks all padding
   * behind it, once, so that all recipients see the same content or an error (format-v1, "Padding").
   *
   * @throws RangeError outside `0 … size`; BlindreelError `authentication-failed`, `source-failed`, `closed`.
   */
  read(start: number, end: number, options?: ReadOptions): Promise<Bytes>;
  /** {@link read} as a stream, one step ahead of its consumer; `end` is the size by default. */
  stream(start?: number, end?: number, options?: ReadOptions): ReadableStream<Bytes>;
  /** Closes the source too. Later reads fail with `closed`. */
  close(): Promise<void>;
}

/**
 * Opens a sealed message by range (chunked-encryption, "Implementation notes").
 *
 * @param source the file. @param streamOffset offset of the message, which ends with the file.
 * @throws BlindreelError `truncated`, `authentication-failed`, `source-failed`.
 */
export async function openRandomAccess(
  source: ByteSource,
  streamOffset: number,
  plan: OpenPlan,
  given?: RangeOptions,
): Promise<RandomAccess> {
  const options = rangeOptions(given);
  const ownPlan = readOptions<OpenPlan>("plan", plan, PLAN, ["streamKey", "isPadded"]);
  sourceArgument("source", source);
  countArgument("streamOffset", streamOffset);
  const size = await claimedSize(source, options);
  return openMessageAccess(source, streamOffset, ownPlan, options, { size, head: EMPTY });
}

const PLAN: Checks<OpenPlan> = {
  streamKey: (_name, value) => streamKeyArgument(value as StreamKey),
  isPadded: flagArgument,
};

/** {@link openRandomAccess} with the file's size and its first bytes known. Wipes the plan's key. */
export async function openMessageAccess(
  source: ByteSource,
  streamOffset: number,
  plan: OpenPlan,
  options: RangeOptions,
  known: { readonly size: number; readonly head: Bytes },
): Promise<RandomAccess> {
  const { streamKey } = plan;
  const fileLength = known.size;
  const messageLength = fileLength - streamOffset;
  if (messageLength < HEADER_LENGTH) throw truncated("the sealed stream", fileLength);
  const head = known.head.subarray(streamOffset, streamOffset + HEADER_LENGTH);
  const header =
    head.length === HEADER_LENGTH
      ? head.slice()
      : await readExactly(source, streamOffset, streamOffset + HEADER_LENGTH, options);
  const cipher = await startOpening(options.crypto ?? defaultProvider(), streamKey, header);
  const total = claimedPlaintextLength(messageLength, fileLength);
  const message = { source, streamOffset, cipher, total };
  const lastChunkIndex = chunkCount(total) - 1;
  const lastChunkStart = lastChunkIndex * CHUNK;
  const lastChunk = await readMessage(message, lastChunkStart, total, lastChunkIndex + 1, options);
  if (!plan.isPadded) return new MessageAccess(message, total);
  const length = readLengthField(lastChunk, total);
  checkZeros(lastChunk, lastChunkStart, length, total);
  const access = new MessageAccess(message, length);
  // Empty content has no read, so its padding is checked here.
  if (length === 0) await access.checkPadding(options);
  return access;
}

interface Message {
  readonly source: ByteSource;
  readonly streamOffset: number;
  readonly cipher: ChunkCipher;
  /** Plaintext length, padding included. */
  readonly total: number;
}

/** Reads and opens the chunks of plaintext `[start, end)`, up to chunk `endChunk`. */
async function readMessage(
  { source, streamOffset, cipher, total }: Message,
  start: number,
  end: number,
  endChunk: number,
  options: ReadOptions,
): Promise<Bytes> {
  const first = Math.floor(start / CHUNK);
  const from = streamOffset + chunkOffset(first);
  const isLast = endChunk === chunkCount(total);
  const length = isLast
    ? total - first * CHUNK + (endChunk - first) * (SEALED_CHUNK - CHUNK)
    : (endChunk - first) * SEALED_CHUNK;
  const sealed = await readExactly(source, from, from + length, options);
  const output = allocate("the range's length", end - start);
  await openChunks(cipher, sealed, { first, end: endChunk, start }, output, options);
  return output;
}

class MessageAccess implements RandomAccess {
  readonly size: number;
  readonly #message: Message;
  #closed = false;
  /** Offset of the first chunk with unchecked padding; the end where all is checked. */
  #paddingChecked: number;

  constructor(message: Message, size: number) {
    this.#message = message;
    this.size = size;
    this.#paddingChecked = Math.ceil(size / CHUNK) * CHUNK;
  }

  async read(start: number, end: number, given?: ReadOptions): Promise<Bytes> {
    const options = readOptionsOf(given);
    if (this.#closed) throw closedError("the source");
    checkRange(start, end, this.size);
    if (start === end) return new Uint8Array(0);
    if (end === this.size) await this.checkPadding(options);
    const endChunk = Math.floor((end - 1) / CHUNK) + 1;
    const paddingEnd = Math.min(endChunk * CHUNK, this.#message.total);
    if (paddingEnd <= this.size || this.size === this.#message.total) {
      return readMessage(this.#message, start, end, endChunk, options);
    }
    // The content's last chunk goes on with padding; opened padding is always checked.
    const opened = await readMessage(this.#message, start, paddingEnd, endChunk, options);
    checkZeros(opened, start, this.size, this.#message.total);
    return opened.slice(0, end - start);
  }

  /**
   * Format-v1, "Padding": checks the chunks of padding alone, except the last, which the opening has checked.
   * In steps, for bounded memory; resumed by the next read after a failure.
   */
  async checkPadding(options: ReadOptions): Promise<void> {
    const { total } = this.#message;
    const end = Math.floor(total / CHUNK) * CHUNK;
    while (this.#paddingChecked < end) {
      const start = this.#paddingChecked;
      const stepEnd = Math.min(end, start + CHUNKS_PER_STEP * CHUNK);
      const padding = await readMessage(this.#message, start, stepEnd, stepEnd / CHUNK, options);
      checkZeros(padding, start, this.size, total);
      this.#paddingChecked = Math.max(this.#paddingChecked, stepEnd);
    }
  }

  stream(start = 0, end = this.size, given?: ReadOptions): ReadableStream<Bytes> {
    const options = readOptionsOf(given);
    checkRange(start, end, this.size);
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    let position = start;
    let ahead: Promise<Bytes> | undefined;
    const readStep = (): Promise<Bytes> | undefined => {
      if (position >= end) return undefined;
      const stepEnd = Math.min(end, (Math.floor(position / CHUNK) + CHUNKS_PER_STEP) * CHUNK);
      const step = this.read(position, stepEnd, { signal });
      step.catch(() => {});
      position = stepEnd;
      return step;
    };
    return new ReadableStream<Bytes>({
      async pull(controller) {
        ahead ??= readStep();
        const current = ahead;
        if (!current) return controller.close();
        ahead = readStep();
        controller.enqueue(await current);
        if (!ahead) controller.close();
      },
      cancel: (reason) => stop.abort(reason),
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#message.source.close?.();
  }
}
