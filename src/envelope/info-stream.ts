import { closedError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import type { PieceSource } from "../stream/pieces.js";
import { withResolvers } from "../stream/resolvers.js";

/**
 * A stream with `info`, which rejects on failure, cancel and abort before `announce`: each of them cancels
 * the source.
 *
 * @param through makes the stream, and calls `announce` after its head.
 */
export function withInfo<Info>(
  source: PieceSource,
  through: (source: PieceSource, announce: (info: Info) => void) => ReadableStream<Bytes>,
): ReadableStream<Bytes> & { readonly info: Promise<Info> } {
  const info = withResolvers<Info>();
  const settling: PieceSource = {
    next: () => source.next(),
    cancel(reason) {
      info.reject(reason ?? closedError("the stream"));
      return source.cancel(reason);
    },
    finished: () => source.finished?.(),
  };
  return Object.assign(through(settling, info.resolve), { info: info.promise });
}
