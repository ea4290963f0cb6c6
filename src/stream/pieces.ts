import { wrongType } from "../errors.js";
import { isBlob, isUint8Array } from "../formats/brand.js";
import { type Bytes, bytesArgument, type MaybePromise } from "../formats/bytes.js";

/** A pull source: the common shape of stream readers and iterators. A piece is valid until the next call. */
export interface PieceSource {
  next(): MaybePromise<PieceResult>;
  /** Stops the source, or reports a failure behind it; called at most once. */
  cancel(reason: unknown): MaybePromise<void>;
  /** All pieces are processed and their results delivered; not followed by `cancel`. */
  finished?(): void;
}

/** `done` at the end, else `value`. */
export interface PieceResult {
  readonly done?: boolean | undefined;
  readonly value?: Uint8Array | undefined;
}

/** Byte inputs of the pull forms: bytes, a web stream, a Blob or File, or an iterable. */
export type ByteInput =
  | Uint8Array
  | ReadableStream<Uint8Array>
  | Blob
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>;

/** @throws TypeError for anything that is not a {@link ByteInput}. */
export function piecesOf(input: ByteInput): PieceSource {
  if (isUint8Array(input)) return iteratorPieces([input][Symbol.iterator]());
  if (isBlob(input)) return blobPieces(input);
  const candidate = input as Partial<ReadableStream<Uint8Array>> &
    Partial<AsyncIterable<Uint8Array>> &
    Partial<Iterable<Uint8Array>>;
  // Before iteration, which WebKit's streams lack.
  if (typeof candidate?.getReader === "function") return readerPieces(candidate.getReader());
  const iterator = candidate?.[Symbol.asyncIterator]?.() ?? candidate?.[Symbol.iterator]?.();
  if (iterator && typeof input !== "string") return iteratorPieces(iterator);
  throw wrongType("input", "a ReadableStream, a Blob or an iterable of Uint8Array", input);
}

function readerPieces(reader: ReadableStreamDefaultReader<Uint8Array>): PieceSource {
  return { next: () => reader.read(), cancel: (reason) => reader.cancel(reason) };
}

/** Slices, one read ahead of need: a Blob's own stream holds a page for longer (docs/benchmarks.md). */
function blobPieces(blob: Blob): PieceSource {
  let offset = 0;
  let ahead: Promise<ArrayBuffer> | undefined;
  const read = () => {
    if (offset >= blob.size) return undefined;
    const slice = blob.slice(offset, offset + MAX_PIECE).arrayBuffer();
    offset += MAX_PIECE;
    // Its turn may never come.
    slice.catch(() => {});
    return slice;
  };
  return {
    async next() {
      const slice = ahead ?? read();
      ahead = read();
      return slice ? { value: new Uint8Array(await slice) } : { done: true };
    },
    cancel() {
      ahead = undefined;
    },
  };
}

function iteratorPieces(iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>): PieceSource {
  return {
    next: () => iterator.next(),
    async cancel() {
      await iterator.return?.();
    },
  };
}

/** Longer pieces are split, so that no step holds the event loop for long. Bytes. */
const MAX_PIECE = 2 ** 20;

/**
 * Reads a source in pieces of limited length: `reader.accept(await reader.fetch())`, two steps so that the
 * fast path awaits the source's own promise and no other. Bytes kept between calls are copies: a caller's
 * buffer is read only until the next await.
 */
export class PieceReader {
  readonly #source: PieceSource;
  /** A copy of the last piece's bytes above the limit. */
  #leftover: Bytes | undefined;
  /** Whether the fetched piece is such a copy already. */
  #isOwn = false;
  #done = false;
  #isSettled = false;
  #consumed = 0;

  constructor(source: PieceSource) {
    this.#source = source;
  }

  /** Total length of the accepted pieces. */
  get consumed(): number {
    return this.#consumed;
  }

  /** Requests the next piece, for {@link accept}. One request at a time. */
  fetch(): MaybePromise<PieceResult> {
    const value = this.#leftover;
    this.#isOwn = value !== undefined;
    this.#leftover = undefined;
    if (value) return { value };
    return this.#done ? { done: true } : this.#source.next();
  }

  /** @returns up to `limit` bytes of the piece, possibly none; undefined at the end. @throws TypeError. */
  accept({ done, value }: PieceResult, limit = MAX_PIECE): Bytes | undefined {
    if (done) {
      this.#done = true;
      return undefined;
    }
    const piece = bytesArgument("every piece of the input", value);
    this.#consumed += Math.min(piece.length, limit);
    if (piece.length <= limit) return piece;
    this.#leftover = this.#isOwn ? piece.subarray(limit) : piece.slice(limit);
    return piece.subarray(0, limit);
  }

  async cancel(reason: unknown): Promise<void> {
    this.#leftover = undefined;
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#done = true;
    await this.#source.cancel(reason);
  }

  /** Reports the delivery of all results to the source. */
  finish(): void {
    this.#isSettled = true;
    this.#source.finished?.();
  }
}
