import type { Bytes } from "../formats/bytes.js";
import { SEALED_CHUNK } from "../stream/geometry.js";
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
  /** The chunks, at intervals of a sealed chunk's length. Their results take their place, without gaps. */
  readonly span: SharedBytes;
  /** {@link DONE} once the results stand there, or in the file. The sender may see it before the answer comes. */
  readonly state: Int32Array<SharedArrayBuffer>;
  /** Where the chunks come from and go to; `span` is the room for it then. */
  readonly files?: MessageFiles;
}

export const DONE = 1;
/** Marks answers among other messages of a worker. */
export const SPAN_TOPIC = "blindreel-span";

/** Chunks of a full span: 512 KiB of content. */
export const SPAN_CHUNKS = 32;
/** The same from file to file. */
export const FILE_SPAN_CHUNKS = 64;
export const SPAN_BYTES: number = FILE_SPAN_CHUNKS * SEALED_CHUNK;

/** Answers come in the order of the jobs. */
export interface SpanAnswer {
  readonly topic: typeof SPAN_TOPIC;
  /** Of the results before the first chunk that fails, in bytes; all of them where {@link DONE} says so. */
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
