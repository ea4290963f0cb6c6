import { invalidKey } from "../errors.js";
import type { Bytes } from "./bytes.js";
import { encodeHex } from "./encoding.js";

/** Tags of DER (X.690 §8) that key files hold. */
export const Tag = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
  /** Context-specific 0 and 1: constructed, and primitive. */
  explicit0: 0xa0,
  explicit1: 0xa1,
  implicit1: 0x81,
} as const;

/** Reads DER strictly: definite and minimal lengths, nothing left over. */
export class DerReader {
  readonly #bytes: Bytes;
  #offset = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** The next element's tag; undefined at the end. */
  get tag(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /** The content of the next element, which has to have this tag. @throws BlindreelError `invalid-key`. */
  read(tag: number): Bytes {
    if (this.tag !== tag) throw notDer();
    let start = this.#offset + 2;
    let length = this.#bytes[this.#offset + 1] ?? Number.NaN;
    if (length >= 0x80) {
      const count = length - 0x80;
      start += count;
      length = 0;
      for (const byte of this.#bytes.subarray(start - count, start)) length = 256 * length + byte;
      const isMinimal = count >= 1 && count <= 4 && length >= Math.max(0x80, 256 ** (count - 1));
      if (!isMinimal) throw notDer();
    }
    if (!(start + length <= this.#bytes.length)) throw notDer();
    this.#offset = start + length;
    return this.#bytes.subarray(start, start + length);
  }

  open(tag: number): DerReader {
    return new DerReader(this.read(tag));
  }

  /** A non-negative integer below 2^32. */
  integer(): number {
    const content = this.read(Tag.integer);
    const value = content.reduce((sum, byte) => 256 * sum + byte, 0);
    const isMinimal = content.length === 1 || content[0]! !== 0 || content[1]! >= 0x80;
    if (content.length === 0 || content[0]! >= 0x80 || !isMinimal || value >= 2 ** 32) throw notDer();
    return value;
  }

  /** An object identifier, its content in hex. */
  oid(): string {
    return encodeHex(this.read(Tag.oid));
  }

  end(): void {
    if (!this.isAtEnd) throw notDer();
  }
}

const notDer = () => invalidKey("the key's DER encoding is damaged");
