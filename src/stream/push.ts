import { type Bytes, bytesArgument, type MaybePromise } from "../formats/bytes.js";
import type { Transcoder } from "./transcoder.js";

/** The push form: for callers with small pieces and no use for web streams. */
export interface PushStream {
  /** Bytes to send before anything `push` returns. Empty when opening. */
  readonly header: Bytes;
  /** Consumes `piece` before it returns; results belong in the order of the calls. */
  push(piece: Uint8Array): MaybePromise<Bytes>;
  /** The last chunk. Nothing may follow. */
  finish(): MaybePromise<Bytes>;
  /** Gives up, wiping what is buffered. */
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
