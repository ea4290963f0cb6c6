/**
 * Many patterns in one pass (S. Wu, U. Manber, "A Fast Algorithm for Multi-Pattern Searching", 1994): the last two bytes
 * of a window tell how far it can move, which is nearly always its whole length. Patterns share the window, so none
 * may be shorter.
 */
export const SHORTEST_PATTERN = 8;
/** More would tell no more: what has 48 bytes in common has them from there. */
export const LONGEST_PATTERN = 48;

const BLOCK = 2;
const FARTHEST = SHORTEST_PATTERN - BLOCK + 1;

/** @param pattern the index of what was found. @param start where, in the bytes that were searched. */
export type OnMatch = (pattern: number, start: number) => void;

export class PatternSearch {
  readonly #patterns: readonly Uint8Array[];
  readonly #shifts = new Uint8Array(2 ** 16).fill(FARTHEST);
  /** By the window's last block. */
  readonly #candidates = new Map<number, number[]>();

  /** @param patterns from {@link SHORTEST_PATTERN} to {@link LONGEST_PATTERN} bytes each. */
  constructor(patterns: readonly Uint8Array[]) {
    this.#patterns = patterns;
    for (const [index, pattern] of patterns.entries()) {
      for (let end = BLOCK; end <= SHORTEST_PATTERN; end++) {
        const block = blockBefore(pattern, end);
        this.#shifts[block] = Math.min(this.#shifts[block]!, SHORTEST_PATTERN - end);
      }
      const last = blockBefore(pattern, SHORTEST_PATTERN);
      const others = this.#candidates.get(last);
      if (others) others.push(index);
      else this.#candidates.set(last, [index]);
    }
  }

  search(bytes: Uint8Array, onMatch: OnMatch): void {
    const shifts = this.#shifts;
    const { length } = bytes;
    let end = SHORTEST_PATTERN;
    while (end <= length) {
      const block = (bytes[end - 2]! << 8) | bytes[end - 1]!;
      const shift = shifts[block]!;
      if (shift === 0) {
        this.#verify(bytes, end - SHORTEST_PATTERN, block, onMatch);
        end++;
      } else end += shift;
    }
  }

  lengthOf(pattern: number): number {
    return this.#patterns[pattern]!.length;
  }

  #verify(bytes: Uint8Array, start: number, block: number, onMatch: OnMatch): void {
    for (const index of this.#candidates.get(block)!) {
      const pattern = this.#patterns[index]!;
      let i = 0;
      while (i < pattern.length && bytes[start + i] === pattern[i]) i++;
      if (i === pattern.length) onMatch(index, start);
    }
  }
}

function blockBefore(bytes: Uint8Array, end: number): number {
  return (bytes[end - 2]! << 8) | bytes[end - 1]!;
}

/** The same over pieces: what crosses a border is found, and nothing is found twice. */
export class PieceSearch {
  readonly #search: PatternSearch;
  readonly #onMatch: (pattern: number, bytes: Uint8Array, base: number, at: number) => void;
  /** The end of what has been searched, too short for a pattern that goes on. */
  #carry: Uint8Array = new Uint8Array(0);
  #offset = 0;

  constructor(
    search: PatternSearch,
    onMatch: (pattern: number, bytes: Uint8Array, base: number, at: number) => void,
  ) {
    this.#search = search;
    this.#onMatch = onMatch;
  }

  push(piece: Uint8Array): void {
    const kept = LONGEST_PATTERN - 1;
    const carry = this.#carry;
    if (carry.length > 0) {
      const seam = new Uint8Array(carry.length + Math.min(kept, piece.length));
      seam.set(carry);
      seam.set(piece.subarray(0, kept), carry.length);
      const base = this.#offset - carry.length;
      this.#search.search(seam, (pattern, at) => {
        // What lies in the piece alone is found below; what lay in the carry alone was found before.
        if (at >= carry.length || at + this.#search.lengthOf(pattern) <= carry.length) return;
        this.#onMatch(pattern, seam, base, at);
      });
    }
    this.#search.search(piece, (pattern, at) => this.#onMatch(pattern, piece, this.#offset, at));
    this.#offset += piece.length;
    this.#carry = piece.length >= kept ? piece.slice(-kept) : tailOf(carry, piece, kept);
  }
}

function tailOf(carry: Uint8Array, piece: Uint8Array, length: number): Uint8Array {
  const joined = new Uint8Array(carry.length + piece.length);
  joined.set(carry);
  joined.set(piece, carry.length);
  return joined.slice(-length);
}
