import type { SingleBar } from "cli-progress";
import prettyBytes from "pretty-bytes";
import { atExit } from "./at-exit.js";

/** Nothing is shown for what is over sooner than this, in milliseconds. */
const PATIENCE = 500;

export interface ProgressOptions {
  /** "sealing", "opening". */
  readonly verb: string;
  /** Bytes in all, where that is known. */
  readonly total: number | undefined;
  /** What is counted, where that is not bytes: "recordings". */
  readonly unit?: string;
  /** Machine-readable output is asked for: show nothing. */
  readonly json?: boolean | undefined;
  readonly stream?: NodeJS.WriteStream;
  readonly patience?: number;
}

export interface ProgressDisplay {
  add(bytes: number): void;
  /** So many in all, as the SDK counts. */
  reach(progress: { readonly bytes: number }): void;
  stop(): void;
}

/** A bar with rate and remaining time on standard error, where that is a terminal. */
export function startProgress(options: ProgressOptions): ProgressDisplay {
  const { verb, total, unit, json, stream = process.stderr, patience = PATIENCE } = options;
  const shown = (count: number) => (unit === undefined ? prettyBytes(count) : `${count} ${unit}`);
  if (json || !stream.isTTY) return { add: () => {}, reach: () => {}, stop: () => {} };
  const started = performance.now();
  let bytes = 0;
  let bar: SingleBar | undefined;
  let Bar: typeof SingleBar | undefined;
  // Behind the work's own start: there is nothing to show yet.
  void import("cli-progress").then(
    (module) => (Bar = module.SingleBar),
    () => {},
  );
  let forget = () => {};
  const payload = () => {
    const seconds = (performance.now() - started) / 1000;
    return { done: shown(bytes), rate: `${shown(Math.round(bytes / seconds))}/s` };
  };
  const stop = () => {
    bar?.stop();
    bar = undefined;
    forget();
  };
  const show = (Bar: typeof SingleBar) => {
    const format =
      total === undefined
        ? `${verb} {done} | {rate}`
        : `${verb} {bar} {percentage}% | {done} of ${shown(total)} | {rate} | {eta_formatted} left`;
    bar = new Bar({ format, stream, fps: 10, hideCursor: true, clearOnComplete: true, barsize: 24 });
    bar.start(total ?? 0, bytes, payload());
    forget = atExit(stop);
  };
  const reach = (progress: { readonly bytes: number }) => {
    bytes = progress.bytes;
    if (bar) bar.update(bytes, payload());
    else if (Bar && performance.now() - started >= patience) show(Bar);
  };
  return { add: (count) => reach({ bytes: bytes + count }), reach, stop };
}

/** Passes pieces on and counts them. */
export async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    onBytes(piece.length);
    yield piece;
  }
}
