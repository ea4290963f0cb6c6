/** Bytes of a cipher block: what a block mode, or one key stream used twice, repeats. */
export const BLOCK_LENGTH = 16;
const WORDS = BLOCK_LENGTH / 4;

/** Blocks remembered at most, of all objects together: 1.8 MiB. */
const MOST_REMEMBERED = 2 ** 15;
const FIRST_CAPACITY = 2 ** 6;

/** Where a block was seen before. */
export interface Sighting {
  readonly object: number;
  readonly offset: number;
}

/** Spreads a block's 128 bits over 32. */
export function hashBlock(a: number, b: number, c: number, d: number): number {
  let hash =
    Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ Math.imul(d, 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/**
 * Remembers blocks in bounded memory. While there is room that is all of them; then only those whose hash falls into a
 * part of the range that halves whenever the room is used up. So of the block values that occur twice, wherever and in
 * whichever object, every one is found among the first 32,768, and afterwards a fair sample.
 */
export class BlockMemory {
  /** A power of two minus one: hashes with any of these bits set are not remembered. */
  #mask = 0;
  #count = 0;
  #capacity = FIRST_CAPACITY;
  /** Leaves as many bits of a hash as a slot's number has. */
  #shift = 32 - Math.log2(FIRST_CAPACITY);
  #words = new Uint32Array(WORDS * FIRST_CAPACITY);
  #offsets = new Float64Array(FIRST_CAPACITY);
  /** The object's number plus one; 0 where nothing is. */
  #objects = new Uint32Array(FIRST_CAPACITY);

  isSampled(hash: number): boolean {
    return (hash & this.#mask) === 0;
  }

  /** Where the block was seen before; else remembers it. Only for blocks that are sampled. */
  meet(
    hash: number,
    a: number,
    b: number,
    c: number,
    d: number,
    object: number,
    offset: number,
  ): Sighting | undefined {
    const slot = this.#find(hash, a, b, c, d);
    const seenBy = this.#objects[slot]!;
    if (seenBy > 0) return { object: seenBy - 1, offset: this.#offsets[slot]! };
    this.#put(slot, a, b, c, d, object + 1, offset);
    if (++this.#count > this.#capacity / 2) this.#makeRoom();
    return undefined;
  }

  #find(hash: number, a: number, b: number, c: number, d: number): number {
    const words = this.#words;
    let slot = Math.imul(hash, 0x9e3779b1) >>> this.#shift;
    while (this.#objects[slot] !== 0) {
      const at = WORDS * slot;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) break;
      slot = (slot + 1) & (this.#capacity - 1);
    }
    return slot;
  }

  #put(slot: number, a: number, b: number, c: number, d: number, owner: number, offset: number): void {
    const at = WORDS * slot;
    this.#words[at] = a;
    this.#words[at + 1] = b;
    this.#words[at + 2] = c;
    this.#words[at + 3] = d;
    this.#objects[slot] = owner;
    this.#offsets[slot] = offset;
  }

  /** A larger table while that is allowed; then the same with half of the range. */
  #makeRoom(): void {
    const [words, offsets, objects] = [this.#words, this.#offsets, this.#objects];
    if (this.#count < MOST_REMEMBERED) {
      this.#capacity *= 2;
      this.#shift--;
    } else this.#mask = 2 * this.#mask + 1;
    this.#words = new Uint32Array(WORDS * this.#capacity);
    this.#offsets = new Float64Array(this.#capacity);
    this.#objects = new Uint32Array(this.#capacity);
    this.#count = 0;
    for (let old = 0; old < objects.length; old++) {
      if (objects[old] === 0) continue;
      const at = WORDS * old;
      const a = words[at]!;
      const b = words[at + 1]!;
      const c = words[at + 2]!;
      const d = words[at + 3]!;
      const hash = hashBlock(a, b, c, d);
      if (!this.isSampled(hash)) continue;
      this.#put(this.#find(hash, a, b, c, d), a, b, c, d, objects[old]!, offsets[old]!);
      this.#count++;
    }
  }
}
