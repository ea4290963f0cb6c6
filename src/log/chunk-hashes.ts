import type { CryptoProvider } from "../crypto/provider.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import { SEALED_CHUNK } from "../stream/geometry.js";
import { breather } from "../stream/operation.js";

/**
 * SHA-256 of sealed chunks that stand one behind the other, tags included, the last of which may be short. On asynchronous
 * backends all are in flight.
 */
export async function hashChunks(crypto: CryptoProvider, sealedChunks: Bytes): Promise<Bytes[]> {
  const breathe = breather();
  const hashes: MaybePromise<Bytes>[] = [];
  for (let offset = 0; offset < sealedChunks.length; offset += SEALED_CHUNK) {
    hashes.push(crypto.digestBulk("SHA-256", sealedChunks.subarray(offset, offset + SEALED_CHUNK)));
    const rest = breathe();
    if (rest) await rest;
  }
  return Promise.all(hashes);
}
