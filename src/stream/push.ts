import { type Bytes, bytesArgument, type MaybePromise } from "../formats/bytes.js";
import type { Transcoder } from "./transcoder.js";

/** The push form, for small pieces without web streams. Outputs belong in the order of the calls. */
export interface PushStream {
  /** Output before the first of `push`; empty when opening. */
  readonly header: Bytes;
  /** Consumes `piece` before it returns. @returns the completed chunks, possibly none. */
  push(piece: Uint8Array): MaybePromise<Bytes>;
  /** Ends the stream. @returns the last chunk. @throws BlindreelError `truncated` when opening, `closed`. */
  finish(): MaybePromise<Bytes>;
  /** Ends the stream without a last chunk and wipes buffers. */
  destroy(reason?: unknown): void;
}

export function pushStream(transcoder: Transcoder, header: Bytes): PushStream {
  return {
    header,
    push: (piece) => transcoder.push(bytesArgument("piece", piece)),
    finish: () => transcoder.finish(),
    destroy: (reason) =>
      transcoder.destroy(reason ?? new DOMException("The stream was destroyed", "AbortError")),
  };
}
