import { sha256 } from "@noble/hashes/sha2.js";
import type { Bytes } from "../formats/bytes.js";

const start = /* @__PURE__ */ sha256.create();
/** Used again: for short inputs, making one costs as much as hashing. */
const running = /* @__PURE__ */ sha256.create();

/**
 * Synchronous SHA-256 of short inputs, joined, for which a WebCrypto call costs more than the hash. Alone in its file: pages load
 * it.
 */
export function nobleSha256(...parts: readonly Bytes[]): Bytes {
  start._cloneInto(running);
  for (const part of parts) running.update(part);
  const hash = new Uint8Array(running.outputLen);
  running.digestInto(hash);
  // Wiped, and alive again by the next copy.
  running.destroy();
  return hash;
}
