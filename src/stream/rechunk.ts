import { type Bytes, EMPTY } from "../formats/bytes.js";

/**
 * Cuts pieces of any size into units of exactly `unit` bytes, for both directions. Whole units are handed on as
 * views of the piece; only what crosses a border is copied, into one buffer that is reused.
 */
export class Rechunker {
  readonly #unit: number;
  /** As large as what was staged so far: short messages need no room for a unit. */
  #staged: Bytes = EMPTY;
  #stagedLength = 0;

  constructor(unit: number) {
    this.#unit = unit;
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

  /** Room for so many bytes, with those that are staged. */
  #reserve(length: number): void {
    const { length: room } = this.#staged;
    if (length <= room) return;
    const larger = new Uint8Array(Math.min(this.#unit, Math.max(length, 4 * room)));
    larger.set(this.#staged);
    this.#staged.fill(0);
    this.#staged = larger;
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
