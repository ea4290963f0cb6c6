import { closedError, truncated, wrongType } from "../errors.js";
import { type Bytes, bytesArgument, concatBytes, type MaybePromise } from "../formats/bytes.js";

/** Where a stream's bytes come from, piece by piece. The one shape behind readables, iterables and writables. */
export interface PieceSource {
  /** The next piece, or undefined at the end. A piece may be looked at until the next call, not later. */
  next(): MaybePromise<Uint8Array | undefined>;
  /** Stops the source; called at most once, and not after the end. */
  cancel(reason: unknown): MaybePromise<void>;
}

/** What a caller may hand in where bytes are read: a web stream, a Blob or File, or anything iterable. */
export type ByteInput = ReadableStream<Uint8Array> | Blob | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** @throws TypeError for anything that is not a {@link ByteInput}. */
export function piecesOf(input: ByteInput): PieceSource {
  if (input instanceof Uint8Array) return iteratorPieces([input][Symbol.iterator]());
  if (typeof Blob !== "undefined" && input instanceof Blob) return readerPieces(input.stream().getReader());
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
  return {
    async next() {
      const { done, value } = await reader.read();
      return done ? undefined : value;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

function iteratorPieces(iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>): PieceSource {
  return {
    async next() {
      const { done, value } = await iterator.next();
      return done ? undefined : value;
    },
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
 */
export class PieceReader {
  readonly #source: PieceSource;
  #leftover: Bytes | undefined;
  /** Whether the piece just handed out by `#any` is already a copy of ours. */
  #isOwn = false;
  #done = false;
  #consumed = 0;

  constructor(source: PieceSource) {
    this.#source = source;
  }

  /** Bytes handed out so far. */
  get consumed(): number {
    return this.#consumed;
  }

  /** The next piece of at least one and at most 1 MiB bytes, or undefined at the end. */
  async next(): Promise<Bytes | undefined> {
    const piece = await this.#any();
    if (!piece) return undefined;
    if (piece.length > LONGEST_PIECE) this.#keep(piece, LONGEST_PIECE);
    const taken = piece.subarray(0, LONGEST_PIECE);
    this.#consumed += taken.length;
    return taken;
  }

  /**
   * Exactly `length` bytes, copied.
   *
   * @throws BlindreelError `truncated` where the source ends first; `what` names what was being read.
   */
  async exactly(length: number, what: string): Promise<Bytes> {
    const { bytes, complete } = await this.upTo(length);
    if (!complete) throw truncated(what, this.#consumed);
    return bytes;
  }

  /** At most `length` bytes, copied: fewer only at the end of the source. */
  async upTo(length: number): Promise<{ bytes: Bytes; complete: boolean }> {
    const parts: Bytes[] = [];
    let missing = length;
    while (missing > 0) {
      const piece = await this.#any();
      if (!piece) break;
      if (piece.length > missing) this.#keep(piece, missing);
      const part = piece.slice(0, missing);
      parts.push(part);
      missing -= part.length;
      this.#consumed += part.length;
    }
    return { bytes: concatBytes(...parts), complete: missing === 0 };
  }

  async cancel(reason: unknown): Promise<void> {
    this.#leftover = undefined;
    if (this.#done) return;
    this.#done = true;
    await this.#source.cancel(reason);
  }

  async #any(): Promise<Bytes | undefined> {
    const kept = this.#leftover;
    if (kept) {
      this.#leftover = undefined;
      this.#isOwn = true;
      return kept;
    }
    this.#isOwn = false;
    while (!this.#done) {
      const piece = await this.#source.next();
      if (piece === undefined) this.#done = true;
      else if (bytesArgument("every piece of the input", piece).length > 0) return piece as Bytes;
    }
    return undefined;
  }

  #keep(piece: Bytes, from: number): void {
    this.#leftover = this.#isOwn ? piece.subarray(from) : piece.slice(from);
  }
}

/** A writable end whose pieces come out of a source: how a transform is built on the pull form. */
export function pieceChannel(): { writable: WritableStream<Uint8Array>; source: PieceSource } {
  let offered: { piece: Uint8Array; taken: () => void } | undefined;
  let waiting:
    | { resolve: (piece: Uint8Array | undefined) => void; reject: (reason: unknown) => void }
    | undefined;
  let release: (() => void) | undefined;
  let ended = false;
  let failure: { reason: unknown } | undefined;
  let controller!: WritableStreamDefaultController;

  const settle = (): void => {
    release?.();
    release = undefined;
  };

  const writable = new WritableStream<Uint8Array>({
    start(c) {
      controller = c;
    },
    write(piece) {
      return new Promise<void>((taken) => {
        if (waiting) {
          // Settled by the next call of `next`: until then the piece belongs to the stream (the platform's rule).
          release = taken;
          waiting.resolve(piece);
          waiting = undefined;
        } else offered = { piece, taken };
      });
    },
    close() {
      ended = true;
      waiting?.resolve(undefined);
      waiting = undefined;
    },
    abort(reason) {
      failure = { reason };
      waiting?.reject(reason);
      waiting = undefined;
    },
  });

  const source: PieceSource = {
    next() {
      settle();
      if (failure) return Promise.reject(failure.reason);
      if (offered) {
        const { piece, taken } = offered;
        offered = undefined;
        release = taken;
        return piece;
      }
      if (ended) return undefined;
      return new Promise<Uint8Array | undefined>((resolve, reject) => {
        waiting = { resolve, reject };
      });
    },
    cancel(reason) {
      controller.error(reason ?? closedError("the stream"));
      settle();
      offered?.taken();
      offered = undefined;
      waiting?.resolve(undefined);
      waiting = undefined;
    },
  };
  return { writable, source };
}
