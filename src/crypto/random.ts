import { BlindreelError } from "../errors.js";
import { isUint8Array } from "../formats/brand.js";
import { type Bytes, isAllZero } from "../formats/bytes.js";
import type { CryptoProvider } from "./provider.js";

/**
 * The only source of keys, salts and ids. Refuses a generator's wrong lengths and all-zero results (by chance
 * less than once in 2^128 for the 16 bytes and more used here).
 *
 * @throws BlindreelError `bad-random`.
 */
export function randomBytes(crypto: CryptoProvider, length: number): Bytes {
  const bytes = crypto.getRandomBytes(length);
  if (!isUint8Array(bytes) || bytes.length !== length) {
    throw new BlindreelError("bad-random", `the random source did not return ${length} bytes`, undefined);
  }
  if (isAllZero(bytes)) throw new BlindreelError("bad-random", "the random source returned zeros", undefined);
  return bytes;
}
