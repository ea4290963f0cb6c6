import type { Bytes } from "../formats/bytes.js";
import { nobleSha256 } from "./noble-hash.js";
import { nodeSha256 } from "./node.js";

let sha256: ((...parts: readonly Bytes[]) => Bytes) | undefined;

/** Synchronous SHA-256 of a short message, in parts, in every runtime: a hash tree grows without an await in between. */
export function shortSha256(...parts: readonly Bytes[]): Bytes {
  sha256 ??= nodeSha256() ?? nobleSha256;
  return sha256(...parts);
}
