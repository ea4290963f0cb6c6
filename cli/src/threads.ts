import type { Input } from "./input.js";
import type { Sink } from "./sink.js";

/** Bytes from which threads are ahead by more than their start (docs/decisions/workers.md). */
const WORTH = 256 * 2 ** 20;
/** More than these wait for each other at the output's lock in the kernel. */
const MOST = 4;

/**
 * How many threads seal or open; 1 is the program's own, which reads and writes pieces.
 *
 * @param given by the user: counts for regular files of any size.
 */
export function threadsFor({ file, size }: Input, given: number | undefined): number {
  if (!file || size === undefined) return 1;
  if (given !== undefined || size < WORTH) return given ?? 1;
  return Math.min(MOST, process.getBuiltinModule("node:os").availableParallelism());
}

/** Whether the threads can write there. */
export const isDirect = (threads: number, { file }: Sink): boolean => threads > 1 && file !== undefined;
