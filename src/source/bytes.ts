import { bytesArgument } from "../formats/bytes.js";
import { type ByteSource, checkRange } from "./byte-source.js";

/**
 * A source over bytes in memory, which must not change while it is in use: no copy.
 *
 * @throws TypeError.
 *
 * @category Reviewer
 */
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
