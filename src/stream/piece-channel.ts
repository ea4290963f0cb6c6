import { closedError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import type { PieceResult, PieceSource } from "./pieces.js";

/** A web stream pair, for `pipeThrough`. */
export interface StreamPair {
  readonly readable: ReadableStream<Bytes>;
  readonly writable: WritableStream<Uint8Array>;
}

interface Settlers<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

export function pieceChannel(): { writable: WritableStream<Uint8Array>; source: PieceSource } {
  const channel = new PieceChannel();
  return { writable: channel.writable, source: channel };
}

/** A transform on top of the pull form: `through` reads the written pieces. */
export function pairThrough<Readable extends ReadableStream<Bytes>>(
  through: (source: PieceSource) => Readable,
): { readonly readable: Readable; readonly writable: WritableStream<Uint8Array> } {
  const { writable, source } = pieceChannel();
  return { readable: through(source), writable };
}

/**
 * A writable stream as a source, one piece at a time. A write settles at the next call of `next`: until then
 * the piece belongs to the stream (WHATWG Streams). `close` settles after the source's end, so that `pipeTo`
 * reports its failures.
 */
class PieceChannel implements PieceSource {
  readonly writable: WritableStream<Uint8Array>;
  #controller!: WritableStreamDefaultController;
  /** A piece written before the call of `next`. */
  #offered: PieceResult | undefined;
  /** Settles the write in progress. */
  #taken: (() => void) | undefined;
  /** A call of `next` before a piece was written. */
  #waiting: Settlers<PieceResult> | undefined;
  #closing: Settlers<void> | undefined;
  #failure: { readonly reason: unknown } | undefined;

  constructor() {
    const abort = (reason: unknown): void => this.#fail(reason);
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        // `abort` below runs after the write in flight, which may wait for a reader that has gone. Older
        // WebKits have no such signal and abort at the next read.
        const { signal } = controller as { signal?: AbortSignal };
        signal?.addEventListener("abort", () => abort(signal.reason), { once: true });
      },
      write: (piece) => this.#write(piece),
      close: () => this.#close(),
      abort,
    });
  }

  next(): PieceResult | Promise<PieceResult> {
    this.#taken?.();
    this.#taken = undefined;
    if (this.#failure) return Promise.reject(this.#failure.reason);
    if (this.#offered) {
      const offered = this.#offered;
      this.#offered = undefined;
      return offered;
    }
    if (this.#closing) return { done: true };
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  finished(): void {
    this.#closing?.resolve();
  }

  cancel(reason: unknown): void {
    const cause = reason ?? closedError("the stream");
    this.#controller.error(cause);
    this.#fail(cause);
  }

  #write(piece: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#taken = resolve;
      if (this.#waiting) {
        this.#waiting.resolve({ value: piece });
        this.#waiting = undefined;
      } else this.#offered = { value: piece };
    });
  }

  #close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#closing = { resolve, reject };
      this.#waiting?.resolve({ done: true });
      this.#waiting = undefined;
    });
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#offered = undefined;
    this.#taken?.();
    this.#taken = undefined;
    this.#waiting?.reject(reason);
    this.#waiting = undefined;
    this.#closing?.reject(reason);
  }
}
