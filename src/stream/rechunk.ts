import type { Bytes } from "../formats/bytes.js";

/**
 * Cuts pieces of any size into units of exactly `unit` bytes, for both directions. Whole units are handed on as
 * views of the piece; only what crosses a border is copied, into one buffer that is reused.
 */
export class Rechunker {
  readonly #unit: number;
  readonly #staged: Bytes;
  #stagedLength = 0;

  constructor(unit: number) {
    this.#unit = unit;
    this.#staged = new Uint8Array(unit);
  }

  /** How many whole units a piece of this length completes. */
  unitsWith(pieceLength: number): number {
    return Math.floor((this.#stagedLength + pieceLength) / this.#unit);
  }

  /** Calls `onUnit` for every unit completed; the view it gets is valid during the call only. */
  push(piece: Bytes, onUnit: (unit: Bytes) => void): void {
    let offset = 0;
    if (this.#stagedLength > 0) {
      offset = Math.min(this.#unit - this.#stagedLength, piece.length);
      this.#staged.set(piece.subarray(0, offset), this.#stagedLength);
      this.#stagedLength += offset;
      if (this.#stagedLength < this.#unit) return;
      this.#stagedLength = 0;
      onUnit(this.#staged);
    }
    for (; piece.length - offset >= this.#unit; offset += this.#unit) {
      onUnit(piece.subarray(offset, offset + this.#unit));
    }
    this.#staged.set(piece.subarray(offset));
    this.#stagedLength = piece.length - offset;
  }

  /** What is left: always less than a unit. */
  rest(): Bytes {
    return this.#staged.subarray(0, this.#stagedLength);
  }

  wipe(): void {
    this.#staged.fill(0);
    this.#stagedLength = 0;
  }
}
