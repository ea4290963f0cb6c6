import type { Bytes } from "../formats/bytes.js";
import type { MessageFiles, SpanDirection } from "../stream/spans.js";

export type SharedBytes = Uint8Array<SharedArrayBuffer>;

/** One span, for `blindreel/stream-worker`. Its buffers are shared; one thread at a time has the span's. */
export interface SpanJob {
  readonly direction: SpanDirection;
  /** Wiped by the sender after the last span. */
  readonly key: SharedBytes;
  readonly baseNonce: Bytes;
  /** Index of the first chunk. */
  readonly first: number;
  readonly chunks: number;
  /** Length of the last chunk, in bytes. The others are whole. */
  readonly lastLength: number;
  /** The chunks, at intervals of a sealed chunk's length. */
  readonly span: SharedBytes;
  /** Whether the result takes the place of the chunks, or a new buffer that changes hands. */
  readonly isInPlace: boolean;
  /** Where the chunks come from and go to; `span` is the room for it then. */
  readonly files?: MessageFiles;
}

/** Answers come in the order of the jobs. */
export interface SpanAnswer {
  /** The chunks before the first that fails; undefined in place. */
  readonly output: Bytes | undefined;
  /** Their length, in bytes. */
  readonly length: number;
  readonly failure?: SpanFailure;
}

export interface SpanFailure {
  readonly code: "authentication-failed" | "provider-fault" | "source-failed";
  readonly message: string;
  /** Where a file ended too early. */
  readonly end?: number;
  /** Of an error of `node:fs`. */
  readonly system?: { readonly code: string | undefined; readonly syscall: string };
}
