import { wrongType } from "../errors.js";
import { type ByteSource, checkRange, readOptionsOf, sourceFailed } from "./byte-source.js";

/**
 * A source over a Blob or File, read by range.
 *
 * @throws TypeError; reads throw `source-failed`.
 *
 * @category Reviewer
 */
export function blobSource(blob: Blob): ByteSource {
  if (typeof blob?.size !== "number" || typeof blob.slice !== "function")
    throw wrongType("blob", "a Blob or File", blob);
  return {
    size: async () => blob.size,
    async read(start, end, options) {
      const { signal } = readOptionsOf(options);
      checkRange(start, end, blob.size);
      signal?.throwIfAborted();
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
