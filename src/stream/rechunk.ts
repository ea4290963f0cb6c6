import { type Bytes, EMPTY } from "../formats/bytes.js";

/**
 * Splits pieces of any size into units of exactly `unit` bytes, for both directions. Whole units are views of
 * the piece; units across pieces are copied into one reused buffer.
 */
export class Rechunker {
  readonly #unit: number;
  /** Grows up to a unit: short messages allocate less. */
  #staged: Bytes = EMPTY;
  #stagedLength = 0;

  constructor(unit: number) {
    this.#unit = unit;
  }

  /** Number of units that a piece of this length completes. */
  unitsWith(pieceLength: number): number {
    return Math.floor((this.#stagedLength + pieceLength) / this.#unit);
  }

  /** Calls `onUnit` for every completed unit, a view that is valid during the call only. */
  push(piece: Bytes, onUnit: (unit: Bytes) => void): void {
    let offset = 0;
    if (this.#stagedLength > 0) {
      offset = Math.min(this.#unit - this.#stagedLength, piece.length);
      this.#reserve(this.#stagedLength + offset);
      this.#staged.set(piece.subarray(0, offset), this.#stagedLength);
      this.#stagedLength += offset;
      if (this.#stagedLength < this.#unit) return;
      this.#stagedLength = 0;
      onUnit(this.#staged.subarray(0, this.#unit));
    }
    for (; piece.length - offset >= this.#unit; offset += this.#unit) {
      onUnit(piece.subarray(offset, offset + this.#unit));
    }
    this.#reserve(piece.length - offset);
    this.#staged.set(piece.subarray(offset));
    this.#stagedLength = piece.length - offset;
  }

  /** Grows the buffer to at least `length` bytes, staged ones included. */
  #reserve(length: number): void {
    const { length: capacity } = this.#staged;
    if (length <= capacity) return;
    const larger = new Uint8Array(Math.min(this.#unit, Math.max(length, 4 * capacity)));
    larger.set(this.#staged);
    this.#staged.fill(0);
    this.#staged = larger;
  }

  /** The staged bytes, fewer than a unit. */
  rest(): Bytes {
    return this.#staged.subarray(0, this.#stagedLength);
  }

  wipe(): void {
    this.#staged.fill(0);
    this.#stagedLength = 0;
  }
}
