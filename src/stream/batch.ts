import { isPromise } from "../formats/brand.js";
import type { Bytes } from "../formats/bytes.js";
import { TAG_LENGTH } from "../formats/constants.js";
import type { ChunkCipher } from "./chunk.js";
import { CHUNK, chunkCount, SEALED_CHUNK } from "./geometry.js";
import { breather, type OperationOptions, progressReporter } from "./operation.js";

/** Chunks between two checks of signal and clock; on asynchronous backends they are all in flight. */
const BATCH = 16;

/** Runs `step` for chunks `[first, end)` in batches, with pauses for the event loop; `total` is for progress. */
async function eachChunk(
  first: number,
  end: number,
  step: (chunkIndex: number) => void | Promise<void>,
  { signal, onProgress }: OperationOptions,
  total: number,
): Promise<void> {
  const breathe = breather();
  const progress = progressReporter(onProgress, total);
  for (let batch = first; batch < end; batch += BATCH) {
    signal?.throwIfAborted();
    const pending: Promise<void>[] = [];
    for (let index = batch; index < Math.min(batch + BATCH, end); index++) {
      const result = step(index);
      if (result) pending.push(result);
    }
    if (pending.length > 0) await Promise.all(pending);
    progress.report((batch - first) * CHUNK);
    await breathe();
  }
  progress.final(total);
}

/**
 * Encrypts plaintext that stands at the end of `message` to the message's chunks, in place: no result reaches a later
 * chunk's plaintext, and each is placed when all before it were consumed.
 *
 * @param message chunks with their tags. @param plaintextLength bytes of its end.
 */
export async function sealInPlace(
  cipher: ChunkCipher,
  message: Bytes,
  plaintextLength: number,
  options: OperationOptions,
): Promise<void> {
  const { spans } = cipher;
  const chunks = chunkCount(plaintextLength);
  const plaintext = message.subarray(message.length - plaintextLength);
  const plaintextAt = (chunkIndex: number): Bytes =>
    plaintext.subarray(chunkIndex * CHUNK, (chunkIndex + 1) * CHUNK);
  if (spans) {
    const place = (index: number) => message.subarray(index * SEALED_CHUNK);
    return spans.addAll(chunks, plaintextAt, place, options, plaintextLength);
  }
  const step = (chunkIndex: number): void | Promise<void> => {
    const offset = chunkIndex * SEALED_CHUNK;
    const chunk = plaintextAt(chunkIndex);
    if (cipher.isSynchronous) return cipher.sealInto(chunkIndex, chunk, message, offset);
    return cipher.place(cipher.seal(chunkIndex, chunk), message, offset);
  };
  await eachChunk(0, chunks, step, options, plaintextLength);
}

/**
 * Opens chunks `[first, end)` of a message into `output`, clipped to it. On failure `output` is wiped.
 *
 * @param sealedChunks the message from chunk `first` on. @param range `start` is the plaintext offset of
 *   `output`.
 * @throws BlindreelError `authentication-failed`; `signal.reason` when aborted.
 */
export async function openChunks(
  cipher: ChunkCipher,
  sealedChunks: Bytes,
  range: { readonly first: number; readonly end: number; readonly start: number },
  output: Bytes,
  options: OperationOptions,
): Promise<void> {
  const { first, end, start } = range;
  const sealedAt = (chunkIndex: number): Bytes => {
    const from = (chunkIndex - first) * SEALED_CHUNK;
    return sealedChunks.subarray(from, from + SEALED_CHUNK);
  };
  const step = (chunkIndex: number): void | Promise<void> => {
    const sealed = sealedAt(chunkIndex);
    const target = chunkIndex * CHUNK - start;
    const length = sealed.length - TAG_LENGTH;
    if (target >= 0 && target + length <= output.length) {
      if (cipher.isSynchronous) return cipher.openInto(chunkIndex, sealed, output, target);
      return cipher.place(cipher.open(chunkIndex, sealed), output, target);
    }
    const place = (plaintext: Bytes): void => {
      const skipped = Math.max(0, -target);
      const kept = plaintext.subarray(skipped, Math.max(skipped, output.length - target));
      if (kept.length > 0) output.set(kept, target + skipped);
    };
    const opened = cipher.open(chunkIndex, sealed);
    return isPromise(opened) ? opened.then(place) : place(opened);
  };
  try {
    // Only whole messages are opened by worker threads.
    const place = (index: number) => output.subarray(index * CHUNK);
    if (cipher.spans) await cipher.spans.addAll(end, sealedAt, place, options, output.length);
    else await eachChunk(first, end, step, options, output.length);
  } catch (error) {
    output.fill(0);
    throw error;
  }
}
