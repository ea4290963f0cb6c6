import { fstatSync } from "node:fs";
import { outputFault } from "./cli-error.js";
import { writeAll } from "./descriptor.js";
import type { Sink } from "./sink.js";

const NAME = "standard output";

/**
 * Standard output as a sink. There is nothing to take back: what was written before a failure stays written, and
 * the exit code says that it is not everything.
 */
export function createStdout(): Sink {
  const writeChunk = isFileLike() ? (chunk: Uint8Array) => writeAll(1, chunk) : writeStream();
  let bytesWritten = 0;
  return {
    name: NAME,
    isStdout: true,
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
function writeStream(): (chunk: Uint8Array) => Promise<void> {
  // The callback reports the error as well; without a listener it would end the process.
  process.stdout.on("error", () => {});
  return (chunk) =>
    new Promise<void>((resolve, reject) => {
      process.stdout.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
}
