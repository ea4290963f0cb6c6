import { ascii, type Bytes, concatBytes } from "./bytes.js";

const PREFIX = "blindreel/v1 ";
const cache = new Map<string, Bytes>();

/**
 * `L(n) = "blindreel/v1 " || n || 0x00`, the domain separator of every hash, derivation and signature
 * (format-v1, "Cryptography"). The result is shared and must not be written to.
 */
export function label(name: string): Bytes {
  let encoded = cache.get(name);
  if (!encoded) {
    encoded = concatBytes(ascii(PREFIX + name), Uint8Array.of(0));
    cache.set(name, encoded);
  }
  return encoded;
}
