import { type ByteSource, checkRange, sourceFailed } from "./byte-source.js";

/** What is used of a `FileHandle` of `node:fs/promises` (Node, Deno and Bun have it). */
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

/** A source over an open file: `fileHandleSource(await open(path))`. Closing the source closes the file. */
export function fileHandleSource(file: ReadableFileHandle): ByteSource {
  let knownSize: Promise<number> | undefined;
  const size = (): Promise<number> => {
    knownSize ??= file.stat().then((stat) => stat.size);
    return knownSize;
  };
  return {
    size,
    async read(start, end, options) {
      checkRange(start, end, await size());
      const bytes = new Uint8Array(end - start);
      for (let filled = 0; filled < bytes.length; ) {
        options?.signal?.throwIfAborted();
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0)
          throw sourceFailed(`the file ends at byte ${start + filled}, before its stated size`);
        filled += bytesRead;
      }
      return bytes;
    },
    close: () => file.close(),
  };
}
