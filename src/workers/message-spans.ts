import { type Bytes, EMPTY } from "../formats/bytes.js";
import { TAG_LENGTH } from "../formats/constants.js";
import { CHUNK, chunkCount, SEALED_CHUNK } from "../stream/geometry.js";
import { type OperationOptions, progressReporter } from "../stream/operation.js";
import { withResolvers } from "../stream/resolvers.js";
import type { MessageFiles, SpanDirection, Spans } from "../stream/spans.js";
import type { SharedBytes, SpanAnswer } from "./job.js";
import type { WorkerPool } from "./pool.js";

/** Chunks of a full span: 1 MiB of content. */
const SPAN_CHUNKS = 64;
export const SPAN_BYTES: number = SPAN_CHUNKS * SEALED_CHUNK;
/** Milliseconds that a span waits for more chunks. */
const LINGER = 1;

type Resolvers = ReturnType<typeof withResolvers<Bytes>>;

/** A span that takes chunks. */
interface OpenSpan {
  readonly first: number;
  readonly span: SharedBytes;
  readonly into: Bytes | undefined;
  /** The chunks up to the first that fails. */
  readonly result: Resolvers;
  /** No bytes, or the failure. */
  readonly rest: Resolvers;
  readonly timer: ReturnType<typeof setTimeout>;
  chunks: number;
  lastLength: number;
}

/** The spans of one message. Its key is in one shared buffer, from which threads copy it for the time of a span. */
export class MessageSpans implements Spans {
  readonly #pool: WorkerPool;
  readonly #direction: SpanDirection;
  readonly #key: SharedBytes;
  readonly #baseNonce: Bytes;
  /** Buffers of spans that are back, wiped and returned after the last. */
  readonly #spare: SharedBytes[] = [];
  #open: OpenSpan | undefined;
  /** Spans in the pool's hands. */
  #away = 0;
  #hasEnded = false;
  #failure: { readonly reason: unknown } | undefined;

  constructor(pool: WorkerPool, direction: SpanDirection, key: Bytes, baseNonce: Bytes) {
    this.#pool = pool;
    this.#direction = direction;
    this.#key = new Uint8Array(new SharedArrayBuffer(key.length));
    this.#key.set(key);
    this.#baseNonce = baseNonce.slice();
  }

  get depth(): number {
    return this.#pool.depth;
  }

  add(chunkIndex: number, unit: Bytes, into?: Bytes): readonly Promise<Bytes>[] {
    const joined = this.#open;
    const open = joined ?? this.#begin(chunkIndex, into);
    open.span.set(unit, open.chunks * SEALED_CHUNK);
    open.lastLength = unit.length;
    if (++open.chunks === SPAN_CHUNKS) this.#send();
    return joined ? [] : [open.result.promise, open.rest.promise];
  }

  async addAll(
    chunks: number,
    unit: (chunkIndex: number) => Bytes,
    place: (chunkIndex: number) => Bytes,
    { signal, onProgress }: OperationOptions,
    total: number,
  ): Promise<void> {
    const progress = progressReporter(onProgress, total);
    const pending: Promise<unknown>[] = [];
    try {
      for (let first = 0; first < chunks; first += SPAN_CHUNKS) {
        if (pending.length >= this.depth) await pending.shift();
        signal?.throwIfAborted();
        const indexes = Array.from({ length: Math.min(SPAN_CHUNKS, chunks - first) }, (_, i) => first + i);
        const span = Promise.all(indexes.flatMap((index) => this.add(index, unit(index), place(index))));
        span.catch(() => {});
        pending.push(span);
        progress.report(first * CHUNK);
      }
      this.end();
      await Promise.all(pending);
      signal?.throwIfAborted();
    } catch (error) {
      this.destroy(error);
      throw error;
    }
    progress.final(total);
  }

  async addFiles(files: MessageFiles, chunks: number, options: OperationOptions): Promise<void> {
    const { signal, onProgress } = options;
    const progress = progressReporter(onProgress, files.content);
    const pending: Promise<unknown>[] = [];
    try {
      for (let first = 0; first < chunks; first += SPAN_CHUNKS) {
        if (pending.length >= this.depth) await pending.shift();
        signal?.throwIfAborted();
        const span = this.#pass(files, first, Math.min(SPAN_CHUNKS, chunks - first));
        span.catch(() => {});
        pending.push(span);
        progress.report(Math.min(first * CHUNK, files.content));
      }
      while (pending.length > 0) await pending.shift();
      signal?.throwIfAborted();
    } catch (error) {
      await Promise.allSettled(pending);
      this.destroy(error);
      throw error;
    }
    this.end();
    progress.final(files.content);
  }

  end(): void {
    this.#send();
    this.#hasEnded = true;
    this.#release();
  }

  destroy(reason: unknown): void {
    this.#failure ??= { reason };
    const open = this.#open;
    this.#open = undefined;
    if (open) {
      clearTimeout(open.timer);
      this.#spare.push(open.span);
      open.result.reject(reason);
      open.rest.reject(reason);
    }
    this.#hasEnded = true;
    this.#release();
  }

  #pass(files: MessageFiles, first: number, chunks: number): Promise<Bytes> {
    const direction = this.#direction;
    const isEnd = first + chunks === chunkCount(files.total);
    const lastLength = (isEnd ? files.total % CHUNK : CHUNK) + (direction === "open" ? TAG_LENGTH : 0);
    const span = this.#spare.pop() ?? this.#pool.borrow();
    const result = withResolvers<Bytes>();
    const message = { direction, key: this.#key, baseNonce: this.#baseNonce };
    this.#away++;
    this.#pool.run({
      job: { ...message, first, chunks, lastLength, span, isInPlace: true, files },
      settle: (_answer, failure) => {
        this.#away--;
        this.#spare.push(span);
        this.#release();
        if (failure) result.reject(failure);
        else result.resolve(EMPTY);
      },
    });
    return result.promise;
  }

  #begin(first: number, into: Bytes | undefined): OpenSpan {
    this.#open = {
      first,
      into,
      span: this.#spare.pop() ?? this.#pool.borrow(),
      result: withResolvers<Bytes>(),
      rest: withResolvers<Bytes>(),
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
    this.#away++;
    const { first, chunks, lastLength, span } = open;
    const message = { direction: this.#direction, key: this.#key, baseNonce: this.#baseNonce };
    this.#pool.run({
      job: { ...message, first, chunks, lastLength, span, isInPlace: open.into !== undefined },
      settle: (answer, failure) => {
        this.#away--;
        this.#settle(open, answer, failure);
        this.#spare.push(span);
        this.#release();
      },
    });
  }

  /** After {@link destroy} results are wiped, and go nowhere. */
  #settle({ into, result, rest, span }: OpenSpan, { output, length }: SpanAnswer, failure?: Error): void {
    if (this.#failure) {
      output?.fill(0);
      result.reject(this.#failure.reason);
      rest.reject(this.#failure.reason);
      return;
    }
    into?.set(span.subarray(0, length));
    result.resolve(output ?? EMPTY);
    if (failure) rest.reject(failure);
    else rest.resolve(EMPTY);
  }

  /** Wipes all that was shared, once nothing is under way. */
  #release(): void {
    if (!this.#hasEnded || this.#away > 0) return;
    this.#key.fill(0);
    for (const span of this.#spare.splice(0)) this.#pool.giveBack(span.fill(0));
  }
}
