import type { Bytes } from "../formats/bytes.js";

export function lengthOf(parts: readonly Bytes[]): number {
  return parts.reduce((total, { length }) => total + length, 0);
}

/** The pieces of a blob, each with its offset, from byte 0 up to a gap; undefined where there are none. */
export function joinPieces(pieces: readonly (readonly [offset: number, bytes: Bytes])[]): Bytes | undefined {
  if (pieces.length === 0) return undefined;
  const ordered = [...pieces].sort(([left], [right]) => left - right);
  let [count, end] = [0, 0];
  for (const [offset, { length }] of ordered) {
    if (offset > end) break;
    end = Math.max(end, offset + length);
    count++;
  }
  const whole = new Uint8Array(end);
  for (const [offset, bytes] of ordered.slice(0, count)) whole.set(bytes, offset);
  return whole;
}
