import type { Bytes } from "../formats/bytes.js";
import { CHUNK } from "../stream/geometry.js";
import { breather, type OperationOptions, progressReporter } from "../stream/operation.js";
import { copyShared } from "./copy.js";
import { SPAN_CHUNKS } from "./job.js";
import type { WorkerPool } from "./pool.js";
import { placeInSpan, type SpannedMessage } from "./spanned-message.js";

/** Chunks of the shortest span that is worth its way. */
const SHORTEST = 8;
/** Chunks that the calling thread does before it looks for a free hand again. */
const OWN_CHUNKS = 4;

/** A message in memory, by its chunks' indexes. */
interface WholeMessage {
  readonly chunks: number;
  readonly unit: (chunkIndex: number) => Bytes;
  /** Results stand behind each other. */
  readonly place: (chunkIndex: number) => Bytes;
  /** Bytes of plaintext. */
  readonly total: number;
}

/**
 * Threads get spans, shorter towards the end so that all are ready at the same time; the calling thread transforms what no
 * thread has a hand for, from where it lies to where it belongs.
 */
export async function passWhole(
  pool: WorkerPool,
  message: SpannedMessage,
  { chunks, unit, place, total }: WholeMessage,
  { signal, onProgress }: OperationOptions,
): Promise<void> {
  const progress = progressReporter(onProgress, total);
  const breathe = breather();
  let failure: { readonly reason: unknown } | undefined;
  const pending = new Set<Promise<void>>();
  const send = (first: number, count: number): void => {
    const buffer = message.borrow();
    for (let i = 0; i < count; i++) copyShared(placeInSpan(buffer, i), unit(first + i));
    const part = { first, chunks: count, lastLength: unit(first + count - 1).length };
    const passed = new Promise<void>((resolve) => {
      message.run(buffer, part, (results, error) => {
        if (error) failure ??= { reason: error };
        if (!failure) copyShared(place(first), results);
        resolve();
      });
    });
    pending.add(passed);
    passed.then(() => pending.delete(passed));
  };
  const checkUsable = (): void => {
    signal?.throwIfAborted();
    if (failure) throw failure.reason;
  };
  try {
    for (let first = 0; first < chunks; ) {
      checkUsable();
      const share = Math.min(SPAN_CHUNKS, Math.ceil((chunks - first) / (2 * (pool.threads + 1))));
      const isSpan = share >= SHORTEST && pool.hasRoom();
      const count = isSpan ? share : Math.min(OWN_CHUNKS, chunks - first);
      if (isSpan) send(first, count);
      else
        message.transform({
          first,
          chunks: count,
          unit: (i) => unit(first + i),
          output: place(first),
          done: 0,
        });
      first += count;
      progress.report(Math.min(first * CHUNK, total));
      const rest = breathe();
      if (rest) await rest;
    }
    while (pending.size > 0) {
      await Promise.race(pending);
      checkUsable();
    }
    checkUsable();
  } catch (error) {
    failure ??= { reason: error };
    throw error;
  } finally {
    message.end();
  }
  progress.final(total);
}
