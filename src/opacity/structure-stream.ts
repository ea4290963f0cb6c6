import { closedError } from "../errors.js";
import { type Bytes, bytesArgument } from "../formats/bytes.js";
import { pieceChannel, type StreamPair } from "../stream/piece-channel.js";
import { withResolvers } from "../stream/resolvers.js";
import { CheckedScanner, type StructureOptions } from "./inspect-structure.js";
import type { Structure } from "./structure.js";

/** A validator in a pipe. */
export interface StructureStream extends StreamPair {
  /** What went through, once it has all gone through. Rejects where the stream fails; need not be handled. */
  readonly structure: Promise<Structure>;
}

/**
 * Puts {@link inspectStructure} in an upload's pipe: bytes pass unchanged and uncopied, and both ends fail at the first
 * piece with which they cannot be one of the format's objects, before that piece is handed on. A field is judged when
 * it is complete; the first bytes one by one.
 *
 * @throws RangeError for options. The stream fails with the errors of {@link inspectStructure}, and `signal.reason`.
 */
export function structureStream(options: StructureOptions = {}): StructureStream {
  const scanner = new CheckedScanner(options);
  const { signal } = options;
  const { writable, source } = pieceChannel();
  const { promise: structure, resolve, reject } = withResolvers<Structure>();
  let onAbort: (() => void) | undefined;
  const stop = (reason: unknown): void => {
    if (onAbort) signal?.removeEventListener("abort", onAbort);
    reject(reason ?? closedError("the stream"));
    source.cancel(reason);
  };
  const readable = new ReadableStream<Bytes>(
    {
      start(controller) {
        if (!signal) return;
        onAbort = () => {
          controller.error(signal.reason);
          stop(signal.reason);
        };
        if (signal.aborted) onAbort();
        else signal.addEventListener("abort", onAbort, { once: true });
      },
      async pull(controller) {
        try {
          const { done, value } = await source.next();
          if (signal?.aborted) return;
          if (done) {
            resolve(scanner.finish());
            if (onAbort) signal?.removeEventListener("abort", onAbort);
            source.finished?.();
            controller.close();
            return;
          }
          const piece = bytesArgument("every piece", value);
          scanner.push(piece);
          controller.enqueue(piece);
        } catch (error) {
          if (signal?.aborted) return;
          stop(error);
          throw error;
        }
      },
      cancel: stop,
    },
    // A piece belongs to the stream until its write settles, and that is when the next one is asked for: none may wait
    // in a queue meanwhile.
    { highWaterMark: 0 },
  );
  return { writable, readable, structure };
}
