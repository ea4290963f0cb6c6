import { wrongType } from "../errors.js";
import { allocate } from "../formats/bytes.js";
import { type ByteSource, checkRange, readOptionsOf, sourceFailed } from "./byte-source.js";

/** The used part of a `FileHandle` of `node:fs/promises` (Node, Deno, Bun). */
export interface ReadableFileHandle {
  stat(): Promise<{ readonly size: number }>;
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  close(): Promise<void>;
}

/** Bytes of one read: a call for 2^31 bytes ends a Node process. */
const MAX_READ = 16 * 2 ** 20;

/**
 * A source over an open file: `fileHandleSource(await open(path))`. Closing the source closes the file.
 *
 * @throws TypeError. Reads throw `source-failed` where the file is shorter than its size, RangeError for a
 *   range that exceeds memory.
 * @category Reviewer
 */
export function fileHandleSource(file: ReadableFileHandle): ByteSource {
  if ([file?.stat, file?.read, file?.close].some((method) => typeof method !== "function")) {
    throw wrongType("file", "a FileHandle of node:fs/promises", file);
  }
  let knownSize: Promise<number> | undefined;
  const size = (): Promise<number> => {
    knownSize ??= file.stat().then((stat) => stat.size);
    return knownSize;
  };
  return {
    size,
    async read(start, end, options) {
      const { signal } = readOptionsOf(options);
      checkRange(start, end, await size());
      const bytes = allocate("the range's length", end - start);
      for (let filled = 0; filled < bytes.length; ) {
        signal?.throwIfAborted();
        const length = Math.min(MAX_READ, bytes.length - filled);
        const { bytesRead } = await file.read(bytes, filled, length, start + filled);
        if (bytesRead === 0)
          throw sourceFailed(`the file ends at byte ${start + filled}, before its stated size`);
        if (!Number.isInteger(bytesRead) || bytesRead < 0 || bytesRead > length)
          throw sourceFailed("the file returned more bytes than requested");
        filled += bytesRead;
      }
      return bytes;
    },
    close: () => file.close(),
  };
}
