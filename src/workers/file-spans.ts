import { TAG_LENGTH } from "../formats/constants.js";
import { CHUNK, chunkCount } from "../stream/geometry.js";
import { type OperationOptions, progressReporter } from "../stream/operation.js";
import type { MessageFiles } from "../stream/spans.js";
import { FILE_SPAN_CHUNKS } from "./job.js";
import type { WorkerPool } from "./pool.js";
import type { SpannedMessage } from "./spanned-message.js";

/** The first `chunks` of a message from file to file: only jobs pass the calling thread. */
export async function passFiles(
  pool: WorkerPool,
  message: SpannedMessage,
  files: MessageFiles,
  chunks: number,
  { signal, onProgress }: OperationOptions,
): Promise<void> {
  const progress = progressReporter(onProgress, files.content);
  const added = message.units.added < 0 ? TAG_LENGTH : 0;
  const pass = (first: number, count: number): Promise<void> => {
    const isEnd = first + count === chunkCount(files.total);
    const lastLength = (isEnd ? files.total % CHUNK : CHUNK) + added;
    return new Promise<void>((resolve, reject) => {
      message.run(message.borrow(), { first, chunks: count, lastLength, files }, (_results, failure) => {
        if (failure) reject(failure);
        else resolve();
      });
    });
  };
  const pending: Promise<void>[] = [];
  try {
    for (let first = 0; first < chunks; first += FILE_SPAN_CHUNKS) {
      if (pending.length >= pool.depth) await pending.shift();
      signal?.throwIfAborted();
      const span = pass(first, Math.min(FILE_SPAN_CHUNKS, chunks - first));
      span.catch(() => {});
      pending.push(span);
      progress.report(Math.min(first * CHUNK, files.content));
    }
    while (pending.length > 0) await pending.shift();
    signal?.throwIfAborted();
  } catch (error) {
    await Promise.allSettled(pending);
    throw error;
  } finally {
    message.end();
  }
  progress.final(files.content);
}
