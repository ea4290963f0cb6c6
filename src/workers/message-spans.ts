import { type Bytes, EMPTY, type MaybePromise } from "../formats/bytes.js";
import type { OperationOptions } from "../stream/operation.js";
import { withResolvers } from "../stream/resolvers.js";
import type { MessageFiles, SpanDirection, Spans } from "../stream/spans.js";
import { copyShared, unzeroed } from "./copy.js";
import { passFiles } from "./file-spans.js";
import { SPAN_CHUNKS } from "./job.js";
import type { SpanBuffer, WorkerPool } from "./pool.js";
import { placeInSpan, SpannedMessage } from "./spanned-message.js";
import { passWhole } from "./whole-message.js";

/** Milliseconds that a span waits for more chunks. */
const LINGER = 1;
/** Chunks in one result at most: larger buffers are given back to the system, and cost its page faults again. */
const RESULT_CHUNKS = 8;

type Resolvers = ReturnType<typeof withResolvers<Bytes>>;

/** Of {@link RESULT_CHUNKS} neighbours in a span. */
interface SpanResult {
  /** The chunks up to the first that fails. */
  readonly bytes: Resolvers;
  /** No bytes, or the failure. */
  readonly rest: Resolvers;
}

/** A span that takes chunks. */
interface OpenSpan {
  readonly first: number;
  readonly buffer: SpanBuffer;
  readonly results: SpanResult[];
  readonly timer: ReturnType<typeof setTimeout>;
  chunks: number;
  lastLength: number;
}

/** Chunks that the calling thread transforms into one buffer. */
interface OwnRun {
  readonly output: Bytes;
  done: number;
}

/** The spans of one message. Threads take them as long as they have a hand free; else the calling thread does the work. */
export class MessageSpans implements Spans {
  readonly #pool: WorkerPool;
  readonly #message: SpannedMessage;
  #open: OpenSpan | undefined;
  #own: OwnRun | undefined;
  #failure: { readonly reason: unknown } | undefined;

  constructor(pool: WorkerPool, direction: SpanDirection, key: Bytes, baseNonce: Bytes) {
    this.#pool = pool;
    this.#message = new SpannedMessage(pool, direction, key, baseNonce);
  }

  isFull(chunks: number, taken: number): boolean {
    return chunks - taken / this.#message.units.output >= this.#pool.spansAhead * SPAN_CHUNKS;
  }

  add(chunkIndex: number, unit: Bytes, following: number): readonly MaybePromise<Bytes>[] {
    let open: OpenSpan;
    try {
      if (this.#own || (!this.#open && !this.#pool.hasRoom()))
        return this.#addOwn(chunkIndex, unit, following);
      open = this.#open ?? this.#begin(chunkIndex);
    } catch (error) {
      return [Promise.reject(error)];
    }
    const added: Promise<Bytes>[] = [];
    if (open.chunks % RESULT_CHUNKS === 0) {
      const result = { bytes: withResolvers<Bytes>(), rest: withResolvers<Bytes>() };
      open.results.push(result);
      added.push(result.bytes.promise, result.rest.promise);
    }
    copyShared(placeInSpan(open.buffer, open.chunks), unit);
    open.lastLength = unit.length;
    if (++open.chunks === SPAN_CHUNKS) this.#send();
    return added;
  }

  addAll(
    chunks: number,
    unit: (chunkIndex: number) => Bytes,
    place: (chunkIndex: number) => Bytes,
    options: OperationOptions,
    total: number,
  ): Promise<void> {
    return passWhole(this.#pool, this.#message, { chunks, unit, place, total }, options);
  }

  addFiles(files: MessageFiles, chunks: number, options: OperationOptions): Promise<void> {
    return passFiles(this.#pool, this.#message, files, chunks, options);
  }

  end(): void {
    this.#send();
    this.#message.end();
  }

  destroy(reason: unknown): void {
    this.#failure ??= { reason };
    const open = this.#open;
    this.#open = undefined;
    if (open) {
      clearTimeout(open.timer);
      this.#message.putBack(open.buffer);
      rejectAll(open.results, reason);
    }
    this.#message.end();
  }

  #addOwn(chunkIndex: number, unit: Bytes, following: number): readonly MaybePromise<Bytes>[] {
    const { output: interval } = this.#message.units;
    const size = Math.min(following + 1, RESULT_CHUNKS);
    const own = this.#own ?? { output: unzeroed(size * interval), done: 0 };
    this.#own = own;
    const output = own.output.subarray(own.done * interval);
    try {
      this.#message.transform({ first: chunkIndex, chunks: 1, unit: () => unit, output, done: 0 });
    } catch (error) {
      this.#own = undefined;
      return [own.output.slice(0, own.done * interval), Promise.reject(error)];
    }
    if (++own.done * interval < own.output.length) return [];
    this.#own = undefined;
    return [own.output];
  }

  #begin(first: number): OpenSpan {
    this.#open = {
      first,
      buffer: this.#message.borrow(),
      results: [],
      timer: setTimeout(() => this.#send(), LINGER),
      chunks: 0,
      lastLength: 0,
    };
    return this.#open;
  }

  #send(): void {
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    clearTimeout(open.timer);
    const { first, chunks, lastLength, buffer, results } = open;
    this.#message.run(buffer, { first, chunks, lastLength }, (span, failure) => {
      if (this.#failure) return rejectAll(results, this.#failure.reason);
      const length = RESULT_CHUNKS * this.#message.units.output;
      for (const [i, { bytes, rest }] of results.entries()) {
        const part = span.subarray(i * length, (i + 1) * length);
        const output = unzeroed(part.length);
        copyShared(output, part);
        bytes.resolve(output);
        if (failure && part.length < length) rest.reject(failure);
        else rest.resolve(EMPTY);
      }
    });
  }
}

function rejectAll(results: readonly SpanResult[], reason: unknown): void {
  for (const { bytes, rest } of results) {
    bytes.reject(reason);
    rest.reject(reason);
  }
}
