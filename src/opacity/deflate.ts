/**
 * Decodes raw deflate (RFC 1951), for one purpose: to look into spans of an object that might be compressed plaintext.
 * The platform's decompressor does not serve here: it takes what follows a span for an error of the span, and cannot
 * be asked thousands of times a second whether some bytes could be one. Output is bounded; nothing is returned but it.
 */
export interface Inflated {
  /** `end`: the last block is complete. `more`: the input ended inside. `full`: the bound was reached. */
  readonly state: "end" | "more" | "full" | "invalid";
  readonly output: Uint8Array;
  /** Bytes of input that were used. */
  readonly used: number;
}

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
  6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
/** RFC 1951 §3.2.7. */
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LONGEST_CODE = 15;
const END_OF_BLOCK = 256;

const INVALID = Symbol("invalid");
const MORE = Symbol("more");
const FULL = Symbol("full");

/** A canonical Huffman code: how many codes there are of each length, and their symbols in order (RFC 1951 §3.2.2). */
interface Code {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

function codeOf(lengths: ArrayLike<number>): Code {
  const counts = new Uint16Array(LONGEST_CODE + 1);
  for (let i = 0; i < lengths.length; i++) counts[lengths[i]!]!++;
  let left = 1;
  for (let length = 1; length <= LONGEST_CODE; length++) {
    left = 2 * left - counts[length]!;
    if (left < 0) throw INVALID;
  }
  // One code of one bit may stand alone; everything else must use up its space.
  if (left > 0 && !(lengths.length - counts[0]! <= 1)) throw INVALID;
  const offsets = new Uint16Array(LONGEST_CODE + 2);
  for (let length = 1; length <= LONGEST_CODE; length++)
    offsets[length + 1] = offsets[length]! + counts[length]!;
  const symbols = new Uint16Array(lengths.length);
  for (let i = 0; i < lengths.length; i++) if (lengths[i] !== 0) symbols[offsets[lengths[i]!]!++] = i;
  counts[0] = 0;
  return { counts, symbols };
}

let fixedCodes: { readonly literals: Code; readonly distances: Code } | undefined;

/** RFC 1951 §3.2.6. */
function fixed(): { readonly literals: Code; readonly distances: Code } {
  fixedCodes ??= {
    literals: codeOf(Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))),
    distances: codeOf(new Array(32).fill(5)),
  };
  return fixedCodes;
}

class Inflater {
  readonly #input: Uint8Array;
  readonly #most: number;
  #output = new Uint8Array(256);
  #length = 0;
  #at = 0;
  #bits = 0;
  #bitCount = 0;

  constructor(input: Uint8Array, most: number) {
    this.#input = input;
    this.#most = most;
  }

  run(): Inflated {
    let state: Inflated["state"] = "end";
    try {
      while (!this.#block());
    } catch (reason) {
      if (reason === INVALID) state = "invalid";
      else if (reason === MORE) state = "more";
      else if (reason === FULL) state = "full";
      else throw reason;
    }
    return { state, output: this.#output.subarray(0, this.#length), used: this.#at };
  }

  /** @returns whether it was the last. */
  #block(): boolean {
    const isLast = this.#take(1) === 1;
    const type = this.#take(2);
    if (type === 0) this.#stored();
    else if (type === 1) this.#compressed(fixed().literals, fixed().distances);
    else if (type === 2) this.#dynamic();
    else throw INVALID;
    return isLast;
  }

  #stored(): void {
    this.#bits = 0;
    this.#bitCount = 0;
    const length = this.#take(16);
    if (this.#take(16) !== (length ^ 0xffff)) throw INVALID;
    for (let i = 0; i < length; i++) this.#put(this.#take(8));
  }

  #dynamic(): void {
    const literalCount = this.#take(5) + 257;
    const distanceCount = this.#take(5) + 1;
    const codeCount = this.#take(4) + 4;
    if (literalCount > 286 || distanceCount > 30) throw INVALID;
    const codeLengths = new Uint8Array(CODE_LENGTH_ORDER.length);
    for (let i = 0; i < codeCount; i++) codeLengths[CODE_LENGTH_ORDER[i]!] = this.#take(3);
    const code = codeOf(codeLengths);
    const lengths = new Uint8Array(literalCount + distanceCount);
    for (let i = 0; i < lengths.length; ) {
      const symbol = this.#symbol(code);
      if (symbol < 16) lengths[i++] = symbol;
      else {
        if (symbol === 16 && i === 0) throw INVALID;
        const value = symbol === 16 ? lengths[i - 1]! : 0;
        const count =
          symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7);
        if (i + count > lengths.length) throw INVALID;
        lengths.fill(value, i, i + count);
        i += count;
      }
    }
    if (lengths[END_OF_BLOCK] === 0) throw INVALID;
    this.#compressed(codeOf(lengths.subarray(0, literalCount)), codeOf(lengths.subarray(literalCount)));
  }

  #compressed(literals: Code, distances: Code): void {
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol === END_OF_BLOCK) return;
      if (symbol < END_OF_BLOCK) {
        this.#put(symbol);
        continue;
      }
      const index = symbol - END_OF_BLOCK - 1;
      if (index >= LENGTH_BASE.length) throw INVALID;
      const length = LENGTH_BASE[index]! + this.#take(LENGTH_EXTRA[index]!);
      const distanceSymbol = this.#symbol(distances);
      if (distanceSymbol >= DISTANCE_BASE.length) throw INVALID;
      const distance = DISTANCE_BASE[distanceSymbol]! + this.#take(DISTANCE_EXTRA[distanceSymbol]!);
      if (distance > this.#length) throw INVALID;
      for (let i = 0; i < length; i++) this.#put(this.#output[this.#length - distance]!);
    }
  }

  #symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= LONGEST_CODE; length++) {
      code |= this.#take(1);
      const count = counts[length]!;
      if (code - count < first) return symbols[index + (code - first)]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw INVALID;
  }

  #take(count: number): number {
    while (this.#bitCount < count) {
      if (this.#at === this.#input.length) throw MORE;
      this.#bits |= this.#input[this.#at++]! << this.#bitCount;
      this.#bitCount += 8;
    }
    const value = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#bitCount -= count;
    return value;
  }

  #put(byte: number): void {
    if (this.#length === this.#most) throw FULL;
    if (this.#length === this.#output.length) {
      const larger = new Uint8Array(Math.min(this.#most, 4 * this.#output.length));
      larger.set(this.#output);
      this.#output = larger;
    }
    this.#output[this.#length++] = byte;
  }
}

/** @param most bytes of output that are made at most. */
export function inflate(input: Uint8Array, most: number): Inflated {
  return new Inflater(input, most).run();
}
