/**
 * `blindreel/source`: random access to stored bytes, for `openSource`.
 *
 * @module blindreel/source
 * @category Reviewer
 */
export { blobSource } from "./blob.js";
export type { ByteSource, ReadOptions } from "./byte-source.js";
export { bytesSource } from "./bytes.js";
export { fileHandleSource, type ReadableFileHandle } from "./file-handle.js";
export { type HttpSource, type HttpSourceOptions, httpSource } from "./http.js";
