/** One chunk and a part of another, not repeating. */
export const RECORDING = Uint8Array.from({ length: 20_000 }, (_, i) => (i * 31 + (i >> 8) * 17) % 256);

/** Depends on every byte and its place. */
export function checksum(bytes) {
  return bytes.reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, bytes.length);
}
