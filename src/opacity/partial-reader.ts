import type { Bytes } from "../formats/bytes.js";
import { Reader } from "../formats/codec.js";

/** Thrown, and caught again by whoever reads piece by piece, where bytes are still to come. */
export class MoreNeeded {
  /** Offset in the object up to which bytes must be there before it makes sense to try again. */
  readonly end: number;

  constructor(end: number) {
    this.end = end;
  }
}

/**
 * Reads an object of which only the beginning has arrived: where a codec asks for more it throws
 * {@link MoreNeeded}, unless what it asks for lies past `bound`, where no byte of it can ever come.
 */
export class PartialReader extends Reader {
  readonly #start: number;
  readonly #available: number;
  readonly #bound: number;

  /** @param start offset of the first byte of `bytes` in the object. */
  constructor(bytes: Bytes, what: string, start: number, bound: number) {
    super(bytes, what, start);
    this.#start = start;
    this.#available = bytes.length;
    this.#bound = bound;
  }

  override take(length: number): Bytes {
    const end = this.offset + length;
    if (this.#start + end > this.#bound) throw this.malformed("a field runs past the end");
    if (end > this.#available) throw new MoreNeeded(this.#start + end);
    return super.take(length);
  }
}
