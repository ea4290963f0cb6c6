import { closedError } from "../errors.js";
import type { PieceResult, PieceSource } from "./pieces.js";

interface Settlers<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * A writable end whose pieces come out of a source: how a transform is built on the pull form. One piece at a time
 * is handed over; its write settles when the next one is asked for, and until then the piece belongs to the stream.
 * Closing settles when everything has come out at the other end, so that `pipeTo` reports what was found there.
 */
export function pieceChannel(): { writable: WritableStream<Uint8Array>; source: PieceSource } {
  const channel = new PieceChannel();
  return { writable: channel.writable, source: channel };
}

class PieceChannel implements PieceSource {
  readonly writable: WritableStream<Uint8Array>;
  #controller!: WritableStreamDefaultController;
  /** A piece that was written before it was asked for. */
  #offered: PieceResult | undefined;
  /** Settles the write in progress. */
  #taken: (() => void) | undefined;
  /** Whoever asked before a piece was written. */
  #waiting: Settlers<PieceResult> | undefined;
  #closing: Settlers<void> | undefined;
  #failure: { readonly reason: unknown } | undefined;

  constructor() {
    const abort = (reason: unknown): void => this.#fail(reason);
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        // `abort` below runs only after the write in flight, which may wait for a reader that has gone. Runtimes
        // without this signal (older WebKits) abort when the reader reads on.
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
