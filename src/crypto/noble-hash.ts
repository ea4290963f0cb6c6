import { sha256 } from "@noble/hashes/sha2.js";
import type { Bytes } from "../formats/bytes.js";

/** Synchronous SHA-256 of short inputs, for which a WebCrypto call costs more than the hash. Alone in its file: pages load it. */
export function nobleSha256(message: Bytes): Bytes {
  return sha256(message) as Bytes;
}
