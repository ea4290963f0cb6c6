import { type ByteSource, checkRange, sourceFailed } from "./byte-source.js";

/** A source over a Blob or File: nothing is read but the ranges asked for. */
export function blobSource(blob: Blob): ByteSource {
  return {
    size: async () => blob.size,
    async read(start, end, options) {
      checkRange(start, end, blob.size);
      options?.signal?.throwIfAborted();
      try {
        return new Uint8Array(await blob.slice(start, end).arrayBuffer());
      } catch (error) {
        throw sourceFailed("the file could not be read; it may have changed since it was chosen", {
          cause: error,
        });
      }
    },
  };
}
