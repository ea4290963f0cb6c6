import { bytesArgument } from "../formats/bytes.js";
import { type ByteSource, checkRange } from "./byte-source.js";

/** A source over bytes in memory, not copied: they must not change while the source is in use. @throws TypeError. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  const whole = bytesArgument("bytes", bytes);
  return {
    size: async () => whole.length,
    async read(start, end) {
      checkRange(start, end, whole.length);
      return whole.subarray(start, end);
    },
  };
}
