import { type Checks, functionArgument, signalArgument } from "../formats/options.js";

/** What every long operation accepts. */
export interface OperationOptions {
  /** Aborting rejects with `signal.reason`, stops the source and wipes what is buffered. */
  readonly signal?: AbortSignal;
  /** Called at most ten times a second, and once at the end. */
  readonly onProgress?: (progress: Progress) => void;
}

export const OPERATION: Checks<OperationOptions> = { signal: signalArgument, onProgress: functionArgument };

export interface Progress {
  /** Bytes of plaintext handled so far. */
  readonly bytes: number;
  /** Bytes of plaintext in all, where that is known. */
  readonly total?: number;
}

const PROGRESS_INTERVAL = 100;

/** Thins calls out to ten a second; `final` always gets through. */
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

/** Longest that synchronous work may hold the event loop before it lets others run, in milliseconds. */
const LONGEST_HOLD = 10;

/**
 * Returns a function to await between steps: it lets timers, input and the network run once enough time has
 * passed, and costs one clock reading otherwise.
 */
export function breather(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < LONGEST_HOLD) return undefined;
    return macrotask().then(() => {
      since = performance.now();
    });
  };
}

/** The shortest wait that runs after pending events; `setTimeout` is the fallback, browsers clamp it to 4 ms. */
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

/** Runtimes without explicit resource management get a symbol of the same registry name. */
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for("Symbol.asyncDispose") as typeof Symbol.asyncDispose);
