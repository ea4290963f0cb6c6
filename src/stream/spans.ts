/// <reference lib="esnext.disposable" preserve="true" />
import { wrongType } from "../errors.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import type { Check } from "../formats/options.js";
import type { OperationOptions } from "./operation.js";

export type SpanDirection = "seal" | "open";

/** Regular files of a message, by descriptors of `node:fs`. */
export interface MessageFiles {
  readonly input: number;
  /** Position of the first chunk. */
  readonly inputAt: number;
  readonly output: number;
  readonly outputAt: number;
  /** Bytes of content. What is behind it, up to `total`, is padding. */
  readonly content: number;
  /** Bytes of plaintext. */
  readonly total: number;
}

/** The chunks of one message on their way through worker threads, in spans of neighbours. */
export interface Spans {
  /** Whether enough is under way: `chunks` were added, and of their results `taken` bytes have a reader. */
  isFull(chunks: number, taken: number): boolean;
  /**
   * Adds the next chunk; consumes `unit` before it returns. A span leaves when it is full, or a moment after. Where no thread
   * has a hand free, the calling thread does the work.
   *
   * @param following how many chunks are added right after.
   * @returns what is to come in the order of the chunks: of the span that this chunk begins, its chunks up to the first that
   *   fails, then that failure, or no bytes; of the calling thread the same, with the last chunk of a buffer.
   */
  add(chunkIndex: number, unit: Bytes, following: number): readonly MaybePromise<Bytes>[];
  /**
   * All chunks of a message in memory, from `unit` to `place`, by index. Ends the message.
   *
   * @param total bytes of plaintext, for progress. @throws as chunks fail; `signal.reason`. Nothing is written afterwards.
   */
  addAll(
    chunks: number,
    unit: (chunkIndex: number) => Bytes,
    place: (chunkIndex: number) => Bytes,
    options: OperationOptions,
    total: number,
  ): Promise<void>;
  /**
   * The first `chunks` of a message, read and written by the threads. Ends the message. Nothing is read or written once
   * the promise is settled.
   *
   * @throws as the first chunk in order that fails; `source-failed` for a short file; errors of `node:fs`; `signal.reason`.
   */
  addFiles(files: MessageFiles, chunks: number, options: OperationOptions): Promise<void>;
  /** No more chunks: the key is wiped when the last span is back. */
  end(): void;
  /** {@link end}; what is under way fails with `reason`, and no buffer of a caller is written any more. */
  destroy(reason: unknown): void;
}

/** Where the spans of one message come from. */
export interface SpanStarter {
  /**
   * Copies key and nonce.
   *
   * @returns nothing where the calling thread is the only one, unless the message goes from file to file.
   * @throws BlindreelError `closed`.
   */
  startSpans(direction: SpanDirection, key: Bytes, baseNonce: Bytes, isFromFile?: boolean): Spans | undefined;
}

/** Worker threads for `seal`, `open` and their streams: `createWorkers` of `blindreel/workers` makes them. */
export interface StreamWorkers {
  /** With the calling one. */
  readonly threads: number;
  /** Ends the threads. What is under way fails with `closed`. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
  /** @internal */
  readonly startSpans: SpanStarter["startSpans"];
}

/** @throws TypeError. */
export const workersArgument: Check<StreamWorkers> = (name, value) => {
  if (typeof (value as Partial<StreamWorkers> | null)?.startSpans === "function")
    return value as StreamWorkers;
  throw wrongType(name, "what createWorkers of blindreel/workers returns", value);
};
