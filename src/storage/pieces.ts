import type { Bytes } from "../formats/bytes.js";

/** A piece of a blob: where in it, and its bytes, one part behind the other. */
export type Piece = readonly [offset: number, parts: readonly Bytes[]];

export function lengthOf(parts: readonly Bytes[]): number {
  return parts.reduce((total, { length }) => total + length, 0);
}

/** What the pieces of a blob make up from byte 0 on, up to a gap; undefined where there are none. */
export function joinPieces(pieces: readonly Piece[]): Bytes | undefined {
  if (pieces.length === 0) return undefined;
  const joined: Piece[] = [];
  let end = 0;
  for (const piece of [...pieces].sort(([left], [right]) => left - right)) {
    if (piece[0] > end) break;
    joined.push(piece);
    end = Math.max(end, piece[0] + lengthOf(piece[1]));
  }
  const whole = new Uint8Array(end);
  for (const [start, parts] of joined) {
    let offset = start;
    for (const part of parts) {
      whole.set(part, offset);
      offset += part.length;
    }
  }
  return whole;
}
