import type { Bytes } from "../formats/bytes.js";
import { breather, type OperationOptions, progressReporter } from "./operation.js";
import { PieceReader, type PieceSource } from "./pieces.js";
import { ReadAhead } from "./read-ahead.js";
import type { Transcoder } from "./transcoder.js";

/** The set-up of a direction after its head. */
interface Stage {
  /** Output before the first chunk. */
  readonly prefix?: Bytes;
  readonly transcoder: Transcoder;
  /** Post-processing of opened chunks: removal of padding. */
  readonly filter?: ChunkFilter;
}

export interface ChunkFilter {
  push(chunks: Bytes): Iterator<Bytes>;
  finish(lastChunk: Bytes): Iterator<Bytes>;
}

interface ReadableOptions extends OperationOptions {
  /** Total bytes of plaintext, for progress. */
  readonly total?: number | undefined;
}

/** Output buffered ahead of the consumer, in bytes: saves a fast consumer one pull for each piece. */
const BYTES_AHEAD = 256 * 1024;

/**
 * The pull form, under all web streams: `start` reads the head, then every pull reads pieces and enqueues the
 * completed chunks. Cancel, abort and failure cancel the source and wipe buffers.
 */
export function readableThrough(
  source: PieceSource,
  start: (reader: PieceReader) => Promise<Stage>,
  options: ReadableOptions,
): ReadableStream<Bytes> {
  const { signal } = options;
  const pump = new Pump(new PieceReader(source), start, options);
  let onAbort: (() => void) | undefined;
  const forget = (): void => {
    if (onAbort) signal?.removeEventListener("abort", onAbort);
    onAbort = undefined;
  };

  const underlying: UnderlyingDefaultSource<Bytes> = {
    start(controller) {
      if (!signal) return;
      onAbort = () => {
        controller.error(signal.reason);
        pump.stop(signal.reason).catch(() => {});
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
    },
    async pull(controller) {
      try {
        if (await pump.pull(controller)) return;
        forget();
        if (!signal?.aborted) controller.close();
      } catch (error) {
        if (signal?.aborted) return;
        forget();
        pump.stop(error).catch(() => {});
        throw error;
      }
    },
    cancel(reason) {
      forget();
      return pump.stop(reason);
    },
  };
  return new ReadableStream(underlying, new ByteLengthQueuingStrategy({ highWaterMark: BYTES_AHEAD }));
}

/** Moves bytes from a reader through a transcoder into a stream's queue. */
class Pump {
  readonly #reader: PieceReader;
  readonly #start: (reader: PieceReader) => Promise<Stage>;
  readonly #progress: ReturnType<typeof progressReporter>;
  readonly #signal: AbortSignal | undefined;
  readonly #breathe = breather();
  #stage: Stage | undefined;
  #ahead: ReadAhead | undefined;
  /** The filter's remaining outputs of the last chunks. */
  #filtered: Iterator<Bytes> | undefined;
  #hasEnded = false;

  constructor(
    reader: PieceReader,
    start: (reader: PieceReader) => Promise<Stage>,
    { signal, onProgress, total }: ReadableOptions,
  ) {
    this.#reader = reader;
    this.#start = start;
    this.#signal = signal;
    this.#progress = progressReporter(onProgress, total);
  }

  /**
   * Enqueues outputs up to the queue's high-water mark. One asynchronous function: at 64 KiB a piece, every
   * additional promise costs measurable throughput.
   *
   * @returns false at the end.
   */
  async pull(controller: ReadableStreamDefaultController<Bytes>): Promise<boolean> {
    if (!this.#stage) {
      const { prefix } = await this.#begin();
      if (prefix) controller.enqueue(prefix);
    }
    const { transcoder, filter } = this.#stage!;
    while (controller.desiredSize! > 0) {
      const output = this.#nextFiltered();
      if (output) {
        controller.enqueue(output);
        continue;
      }
      if (this.#hasEnded) {
        this.#reader.finish();
        this.#progress.final(transcoder.plaintextBytes);
        return false;
      }
      const rest = this.#breathe();
      if (rest) await rest;
      let chunks: Bytes;
      if (this.#ahead) {
        chunks = await this.#ahead.next();
        this.#hasEnded = !this.#ahead.hasMore;
      } else {
        const piece = this.#reader.accept(await this.#reader.fetch());
        chunks = (piece ? transcoder.push(piece) : transcoder.finish()) as Bytes;
        this.#hasEnded = !piece;
      }
      this.#progress.report(transcoder.plaintextBytes);
      if (this.#signal?.aborted) return false;
      if (filter) this.#filtered = this.#hasEnded ? filter.finish(chunks) : filter.push(chunks);
      else if (chunks.length > 0) controller.enqueue(chunks);
    }
    return true;
  }

  async stop(reason: unknown): Promise<void> {
    this.#stage?.transcoder.destroy(reason);
    this.#ahead?.stop();
    await this.#reader.cancel(reason);
  }

  async #begin(): Promise<Stage> {
    const stage = await this.#start(this.#reader);
    if (this.#signal?.aborted) {
      stage.transcoder.destroy(this.#signal.reason);
      throw this.#signal.reason;
    }
    if (!stage.transcoder.isSynchronous) this.#ahead = new ReadAhead(this.#reader, stage.transcoder);
    this.#stage = stage;
    return stage;
  }

  #nextFiltered(): Bytes | undefined {
    const next = this.#filtered?.next();
    if (next && !next.done) return next.value;
    this.#filtered = undefined;
    return undefined;
  }
}
