/// <reference lib="esnext.disposable" preserve="true" />
import { type Checks, functionArgument, signalArgument } from "../formats/options.js";

/** Options of every long operation. */
export interface OperationOptions {
  /** An abort rejects with `signal.reason`, cancels the source and wipes buffers. */
  readonly signal?: AbortSignal;
  /** Called at most ten times a second, and at the end. */
  readonly onProgress?: (progress: Progress) => void;
}

export const OPERATION: Checks<OperationOptions> = { signal: signalArgument, onProgress: functionArgument };

/** What `onProgress` gets, at most ten times a second. */
export interface Progress {
  /** Processed bytes of plaintext. */
  readonly bytes: number;
  /** Total bytes of plaintext, where known. */
  readonly total?: number;
}

/** Milliseconds between two reports of progress. */
export const PROGRESS_INTERVAL = 100;

/** Throttles `report` to {@link PROGRESS_INTERVAL}; `final` is never dropped. */
export function progressReporter(onProgress: OperationOptions["onProgress"], total?: number) {
  if (!onProgress) return { report: () => {}, final: () => {} };
  let last = Number.NEGATIVE_INFINITY;
  const send = (bytes: number) => onProgress(total === undefined ? { bytes } : { bytes, total });
  return {
    report(bytes: number): void {
      const now = performance.now();
      if (now - last < PROGRESS_INTERVAL) return;
      last = now;
      send(bytes);
    },
    final: send,
  };
}

/** Milliseconds of synchronous work between two pauses for the event loop. */
const WORK_INTERVAL = 10;

/**
 * Cooperative scheduling for long loops.
 *
 * @returns a function to await between steps: after {@link WORK_INTERVAL} it yields to timers, input and the
 *   network; before, it costs one clock reading.
 */
export function breather(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < WORK_INTERVAL) return undefined;
    return macrotask().then(() => {
      since = performance.now();
    });
  };
}

/** Resolves after pending events. `setTimeout` is the last resort: browsers clamp it to 4 ms. */
function macrotask(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };
  if (setImmediate) return new Promise((resolve) => void setImmediate(resolve));
  if (typeof MessageChannel === "undefined") return new Promise((resolve) => void setTimeout(resolve, 0));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** `Symbol.asyncDispose`, registered under its name in runtimes without explicit resource management. */
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for("Symbol.asyncDispose") as typeof Symbol.asyncDispose);
