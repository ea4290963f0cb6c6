import { ascii, type Bytes, concatBytes } from "./bytes.js";

const PREFIX = "blindreel/v1 ";
const cache = new Map<string, Bytes>();

/**
 * `L(n) = "blindreel/v1 " || n || 0x00`: the domain separator in front of everything this format hashes,
 * derives or signs (format-v1, "Labels"). The result is shared; do not write to it.
 */
export function label(name: string): Bytes {
  let encoded = cache.get(name);
  if (!encoded) {
    encoded = concatBytes(ascii(PREFIX + name), Uint8Array.of(0));
    cache.set(name, encoded);
  }
  return encoded;
}
