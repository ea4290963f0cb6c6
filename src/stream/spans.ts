/// <reference lib="esnext.disposable" preserve="true" />
import { wrongType } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
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
  /** Spans worth having in flight. */
  readonly depth: number;
  /**
   * Adds the next chunk; consumes `unit` before it returns. A span leaves when it is full, or a moment after.
   *
   * @param into receives the result of the span that this chunk begins; by default a new buffer.
   * @returns of the span that this chunk begins: its chunks up to the first that fails (empty with `into`), then that
   *   failure, or no bytes. Nothing where it joins a span.
   */
  add(chunkIndex: number, unit: Bytes, into?: Bytes): readonly Promise<Bytes>[];
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

/** Worker threads for `seal`, `open` and their streams: `createWorkers` of `blindreel/workers` makes them. */
export interface StreamWorkers {
  readonly threads: number;
  /** Ends the threads. What is under way fails with `closed`. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
  /** @internal Copies key and nonce. @throws BlindreelError `closed`. */
  startSpans(direction: SpanDirection, key: Bytes, baseNonce: Bytes): Spans;
}

/** @throws TypeError. */
export const workersArgument: Check<StreamWorkers> = (name, value) => {
  if (typeof (value as Partial<StreamWorkers> | null)?.startSpans === "function")
    return value as StreamWorkers;
  throw wrongType(name, "what createWorkers of blindreel/workers returns", value);
};
