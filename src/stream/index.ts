/**
 * `blindreel/stream`: Cobblestone-256 (c2sp.org/chunked-encryption@v1), byte-exact, for applications with
 * their own key management. `seal` and `open` of `blindreel` manage keys too.
 * @module blindreel/stream
 * @category Auditor
 */
export type { StreamKey } from "./derive.js";
export { CHUNK, claimedPlaintextLength, HEADER_LENGTH, SEALED_CHUNK, sealedLength } from "./geometry.js";
export { createOpener, type OpenPlan, openBytes, openReadable, openTransform } from "./open.js";
export type { OperationOptions, Progress } from "./operation.js";
export type { RangeOptions, StreamOptions } from "./options.js";
export type { Padding } from "./padding.js";
export type { StreamPair } from "./piece-channel.js";
export type { ByteInput } from "./pieces.js";
export type { PushStream } from "./push.js";
export type { RandomAccess } from "./random-access.js";
export { openRandomAccess } from "./random-access.js";
export { createSealer, sealBytes, sealReadable, sealTransform } from "./seal.js";
export type { StreamWorkers } from "./spans.js";
