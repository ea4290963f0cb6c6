import { close, constants, openSync, write } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { errnoOf } from "./cli-error.js";

export const closeDescriptor = promisify(close);

/** Writes all of `chunk` to a file descriptor: a single write may stop short, as on a disk that is nearly full. */
export async function writeAll(descriptor: number, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += await new Promise<number>((resolve, reject) => {
      write(descriptor, chunk, done, chunk.length - done, null, (error, written) =>
        error ? reject(error) : resolve(written),
      );
    });
  }
}

/** Resolves once `chunk` is handed over. The caller has a listener for "error". */
export function writeStream(stream: Writable, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

/** Milliseconds between two looks for a named pipe's reader. */
const READER_POLL = 50;

/**
 * Opens a named pipe for writing, when it has a reader. By the event loop throughout: a thread that waits in `open` or
 * `write` cannot be interrupted by a signal.
 */
export async function openPipe(path: string): Promise<Socket> {
  for (;;) {
    try {
      const descriptor = openSync(path, constants.O_WRONLY | (constants.O_NONBLOCK ?? 0));
      return new Socket({ fd: descriptor, readable: false, writable: true });
    } catch (error) {
      if (errnoOf(error) !== "ENXIO") throw error;
    }
    await sleep(READER_POLL);
  }
}
