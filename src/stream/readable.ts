import type { Bytes } from "../formats/bytes.js";
import { breather, type OperationOptions, progressReporter } from "./operation.js";
import { PieceReader, type PieceSource } from "./pieces.js";
import type { Transcoder } from "./transcoder.js";

/** What a direction sets up once it has read its head. */
export interface Stage {
  /** Sent before the first chunk. */
  readonly prefix?: Bytes;
  readonly transcoder: Transcoder;
  /** What happens to opened chunks on their way out: padding is taken off. */
  readonly filter?: ChunkFilter;
}

export interface ChunkFilter {
  push(chunks: Bytes): Iterable<Bytes>;
  finish(lastChunk: Bytes): Iterable<Bytes>;
}

/** Bytes of input in flight on asynchronous backends: enough to keep them busy, whatever the pieces' size. */
const BYTES_IN_FLIGHT = 512 * 1024;

/**
 * The pull form, on which all others stand: `start` reads the head and sets up, then every pull of the result
 * reads pieces and hands on the chunks they complete. Cancel, abort and failure stop the source and wipe.
 */
export function readableThrough(
  source: PieceSource,
  start: (reader: PieceReader) => Promise<Stage>,
  { signal, onProgress, total }: OperationOptions & { readonly total?: number | undefined },
): ReadableStream<Bytes> {
  const reader = new PieceReader(source);
  const progress = progressReporter(onProgress, total);
  let transcoder: Transcoder | undefined;
  let onAbort: (() => void) | undefined;

  async function* outputs(): AsyncGenerator<Bytes, void, undefined> {
    const stage = await start(reader);
    transcoder = stage.transcoder;
    signal?.throwIfAborted();
    if (stage.prefix) yield stage.prefix;
    let bytes = 0;
    for await (const { chunks, isLast } of transcoded(reader, transcoder)) {
      bytes = isLast ? bytes + chunks.length : transcoder.plaintextBytes;
      progress.report(bytes);
      if (!stage.filter) {
        if (chunks.length > 0) yield chunks;
      } else yield* isLast ? stage.filter.finish(chunks) : stage.filter.push(chunks);
    }
    progress.final(bytes);
  }

  const iterator = outputs();

  function stop(reason: unknown): Promise<void> {
    signal?.removeEventListener("abort", onAbort!);
    transcoder?.destroy(reason);
    void iterator.return().catch(() => {});
    return reader.cancel(reason);
  }

  return new ReadableStream<Bytes>({
    start(controller) {
      if (!signal) return;
      if (signal.aborted) {
        void stop(signal.reason).catch(() => {});
        throw signal.reason;
      }
      onAbort = () => {
        controller.error(signal.reason);
        void stop(signal.reason).catch(() => {});
      };
      signal.addEventListener("abort", onAbort, { once: true });
    },
    async pull(controller) {
      try {
        const { done, value } = await iterator.next();
        if (signal?.aborted) return;
        if (!done) return controller.enqueue(value);
        signal?.removeEventListener("abort", onAbort!);
        controller.close();
      } catch (error) {
        void stop(error).catch(() => {});
        throw error;
      }
    },
    cancel: stop,
  });
}

interface Output {
  readonly chunks: Bytes;
  readonly isLast: boolean;
}

function transcoded(reader: PieceReader, transcoder: Transcoder): AsyncGenerator<Output, void, undefined> {
  return transcoder.isSynchronous ? transcodedNow(reader, transcoder) : transcodedAhead(reader, transcoder);
}

async function* transcodedNow(reader: PieceReader, transcoder: Transcoder) {
  const breathe = breather();
  for (let piece = await reader.next(); piece; piece = await reader.next()) {
    const chunks = transcoder.push(piece) as Bytes;
    if (chunks.length > 0) yield { chunks, isLast: false };
    await breathe();
  }
  yield { chunks: transcoder.finish() as Bytes, isLast: true };
}

/** Reads ahead of its consumer so that calls to the backend stay in flight; hands results on in order. */
async function* transcodedAhead(reader: PieceReader, transcoder: Transcoder) {
  const queue: { readonly output: Promise<Output>; readonly size: number }[] = [];
  let inFlight = 0;
  let wakeConsumer = () => {};
  let wakePump = () => {};
  let stopped = false;

  const enqueue = (output: Promise<Output>, size: number): void => {
    output.catch(() => {});
    inFlight += size;
    queue.push({ output, size });
    wakeConsumer();
  };

  const pump = async (): Promise<void> => {
    for (let piece = await reader.next(); piece; piece = await reader.next()) {
      const chunks = transcoder.push(piece);
      if (chunks instanceof Promise) enqueue(asOutput(chunks, false), piece.length);
      while (inFlight >= BYTES_IN_FLIGHT && !stopped) await new Promise<void>((wake) => (wakePump = wake));
      if (stopped) return;
    }
    enqueue(asOutput(transcoder.finish(), true), 0);
  };

  pump().catch((error) => enqueue(Promise.reject(error), 0));
  try {
    for (;;) {
      while (queue.length === 0) await new Promise<void>((wake) => (wakeConsumer = wake));
      const { output, size } = queue.shift()!;
      const result = await output;
      inFlight -= size;
      wakePump();
      yield result;
      if (result.isLast) return;
    }
  } finally {
    stopped = true;
    wakePump();
  }
}

async function asOutput(chunks: Bytes | Promise<Bytes>, isLast: boolean): Promise<Output> {
  return { chunks: await chunks, isLast };
}
