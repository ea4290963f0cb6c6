import { fstatSync } from "node:fs";
import { outputFault } from "./cli-error.js";
import { writeAll, writeStream } from "./descriptor.js";
import { checkStdout } from "./protected.js";
import type { Sink } from "./sink.js";

const NAME = "standard output";

/**
 * Standard output as a sink. There is nothing to take back: what was written before a failure stays written, and
 * the exit code says that it is not everything.
 *
 * @throws CliError `usage` where it is appended to a file that is read.
 */
export function createStdout(): Sink {
  checkStdout();
  const writeChunk = isFileLike() ? (chunk: Uint8Array) => writeAll(1, chunk) : stdoutWriter();
  let bytesWritten = 0;
  return {
    name: NAME,
    isStdout: true,
    isIrrevocable: true,
    isTerminal: process.stdout.isTTY,
    get bytesWritten() {
      return bytesWritten;
    },
    async write(chunk) {
      try {
        await writeChunk(chunk);
      } catch (error) {
        throw outputFault(NAME, error);
      }
      bytesWritten += chunk.length;
    },
    commit: async () => {},
    discard: async () => {},
  };
}

/** Files and devices go through the descriptor: `process.stdout` ignores that a write to them may be partial. */
function isFileLike(): boolean {
  if (process.stdout.isTTY) return false;
  const stat = fstatSync(1);
  return stat.isFile() || stat.isCharacterDevice() || stat.isBlockDevice();
}

/** Pipes and terminals go through the event loop: a thread waiting in `write` could not be interrupted. */
function stdoutWriter(): (chunk: Uint8Array) => Promise<void> {
  // The callback reports the error as well; without a listener it would end the process.
  process.stdout.on("error", () => {});
  return (chunk) => writeStream(process.stdout, chunk);
}
