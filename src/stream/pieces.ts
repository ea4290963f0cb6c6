import { wrongType } from "../errors.js";
import { isBlob, isUint8Array } from "../formats/brand.js";
import { type Bytes, bytesArgument, type MaybePromise } from "../formats/bytes.js";

/**
 * Where a stream's bytes come from, piece by piece: the shape that readers of streams and iterators share. A piece
 * may be looked at until the next call of `next`, not later.
 */
export interface PieceSource {
  next(): MaybePromise<PieceResult>;
  /** Stops the source, or tells it that what it gave was refused; called at most once. */
  cancel(reason: unknown): MaybePromise<void>;
  /** Everything the source gave has been handed on; not followed by `cancel`. */
  finished?(): void;
}

/** At the end `done` is true; otherwise there is a `value`. */
export interface PieceResult {
  readonly done?: boolean | undefined;
  readonly value?: Uint8Array | undefined;
}

/** What a caller may hand in where bytes are read: a web stream, a Blob or File, or anything iterable. */
export type ByteInput =
  | Uint8Array
  | ReadableStream<Uint8Array>
  | Blob
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>;

/** @throws TypeError for anything that is not a {@link ByteInput}. */
export function piecesOf(input: ByteInput): PieceSource {
  if (isUint8Array(input)) return iteratorPieces([input][Symbol.iterator]());
  if (isBlob(input)) return readerPieces(input.stream().getReader());
  const candidate = input as Partial<ReadableStream<Uint8Array>> &
    Partial<AsyncIterable<Uint8Array>> &
    Partial<Iterable<Uint8Array>>;
  // Before iteration: WebKit's streams cannot be iterated, and a reader is the shorter way everywhere.
  if (typeof candidate?.getReader === "function") return readerPieces(candidate.getReader());
  const iterator = candidate?.[Symbol.asyncIterator]?.() ?? candidate?.[Symbol.iterator]?.();
  if (iterator && typeof input !== "string") return iteratorPieces(iterator);
  throw wrongType("input", "a ReadableStream, a Blob or an iterable of Uint8Array", input);
}

function readerPieces(reader: ReadableStreamDefaultReader<Uint8Array>): PieceSource {
  return { next: () => reader.read(), cancel: (reason) => reader.cancel(reason) };
}

function iteratorPieces(iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>): PieceSource {
  return {
    next: () => iterator.next(),
    async cancel() {
      await iterator.return?.();
    },
  };
}

/** Longest piece processed in one go; longer ones are cut so that no call holds the event loop for long. */
const LONGEST_PIECE = 2 ** 20;

/**
 * Reads a source with look-ahead. What it keeps between calls is always its own copy: a caller's buffer is never
 * looked at after the promise that handed it over has been awaited on.
 *
 * The two steps of reading a piece are apart so that the fast path awaits the source's own promise and no other:
 * `reader.accept(await reader.fetch())`.
 */
export class PieceReader {
  readonly #source: PieceSource;
  /** Our own copy of what the last piece held too much. */
  #leftover: Bytes | undefined;
  /** Whether what was fetched last is such a copy already. */
  #isOwn = false;
  #done = false;
  #isSettled = false;
  #consumed = 0;

  constructor(source: PieceSource) {
    this.#source = source;
  }

  /** Bytes handed out so far. */
  get consumed(): number {
    return this.#consumed;
  }

  /** Asks for the next piece; to be awaited, handed to {@link accept}, and only then called again. */
  fetch(): MaybePromise<PieceResult> {
    const value = this.#leftover;
    this.#isOwn = value !== undefined;
    this.#leftover = undefined;
    if (value) return { value };
    return this.#done ? { done: true } : this.#source.next();
  }

  /** @returns the fetched piece, at most `limit` bytes of it, possibly empty; or undefined at the end. */
  accept({ done, value }: PieceResult, limit = LONGEST_PIECE): Bytes | undefined {
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

  /** Tells the source that all it gave has been handed on. */
  finish(): void {
    this.#isSettled = true;
    this.#source.finished?.();
  }
}
