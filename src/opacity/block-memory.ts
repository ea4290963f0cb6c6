/** Bytes of a cipher block: what a block mode, or one key stream used twice, repeats. */
export const BLOCK_LENGTH = 16;
const WORDS = BLOCK_LENGTH / 4;

/** Blocks remembered at most, of all objects together, in twice as many slots: 2.5 MiB. */
const MOST_REMEMBERED = 2 ** 15;
const FIRST_CAPACITY = 2 ** 7;
/** Slots that are looked at for one block; with half of them free, random blocks need more once in 10^7. */
export const MOST_PROBES = 32;

/** Of this process: nobody can make blocks that fall together. */
let key: Uint32Array | undefined;

/**
 * A block as 32 bits, of which the upper 17 are strongly universal (D. Lemire, O. Kaser, "Strongly universal string hashing is
 * fast", 2014: multilinear, over halves of words). @param w where its first word stands.
 */
export function hashBlock(words: Uint32Array, w: number): number {
  key ??= crypto.getRandomValues(new Uint32Array(1 + 2 * WORDS));
  const k = key;
  const a = words[w]!;
  const b = words[w + 1]!;
  const c = words[w + 2]!;
  const d = words[w + 3]!;
  const first = Math.imul(a & 0xffff, k[0]!) + Math.imul(a >>> 16, k[1]!) + Math.imul(b & 0xffff, k[2]!);
  const second = Math.imul(b >>> 16, k[3]!) + Math.imul(c & 0xffff, k[4]!) + Math.imul(c >>> 16, k[5]!);
  return (first + second + Math.imul(d & 0xffff, k[6]!) + Math.imul(d >>> 16, k[7]!) + k[8]!) >>> 0;
}

export function isSameBlock(left: Uint32Array, l: number, right: Uint32Array, r: number): boolean {
  return (
    left[l] === right[r] &&
    left[l + 1] === right[r + 1] &&
    left[l + 2] === right[r + 2] &&
    left[l + 3] === right[r + 3]
  );
}

/** Where a block stands. */
export interface Sighting {
  /** Its object's number. */
  readonly object: number;
  /** In the object. */
  readonly offset: number;
  /** The place in its recording: two uploads of one object agree in it. */
  readonly place: number;
}

/**
 * Remembers blocks in bounded memory and time. While there is room that is all of them; then only those whose hash falls
 * into a part of the range that halves whenever the room is used up. So of the blocks that occur twice, wherever and
 * in whichever object, every one is found among the first 32,768, and afterwards a fair sample.
 */
export class BlockMemory {
  /** Blocks whose hash is not below are not remembered. */
  #limit = 2 ** 32;
  #count = 0;
  #added = 0;
  #capacity = FIRST_CAPACITY;
  #words = new Uint32Array(WORDS * FIRST_CAPACITY);
  /** Object's number plus one, and 0 where nothing is; offset; place. */
  #seen = new Float64Array(3 * FIRST_CAPACITY);

  /** Where the block at `w` was seen before; else remembers it. @param hash of it. */
  meet(
    words: Uint32Array,
    w: number,
    hash: number,
    object: number,
    offset: number,
    place: number,
  ): Sighting | undefined {
    if (hash >= this.#limit) return undefined;
    const slot = this.#find(words, w, hash);
    if (slot < 0) return undefined;
    const seen = this.#seen;
    if (seen[3 * slot]! > 0)
      return { object: seen[3 * slot]! - 1, offset: seen[3 * slot + 1]!, place: seen[3 * slot + 2]! };
    this.#put(slot, words, w, object + 1, offset, place);
    this.#added++;
    if (++this.#count > this.#capacity / 2) this.#makeRoom();
    return undefined;
  }

  #put(slot: number, words: Uint32Array, w: number, owner: number, offset: number, place: number): void {
    for (let i = 0; i < WORDS; i++) this.#words[WORDS * slot + i] = words[w + i]!;
    this.#seen[3 * slot] = owner;
    this.#seen[3 * slot + 1] = offset;
    this.#seen[3 * slot + 2] = place;
  }

  /** @returns the block's slot, or a free one; -1 where there is none within reach. */
  #find(words: Uint32Array, w: number, hash: number): number {
    const first = Math.floor((hash / this.#limit) * this.#capacity);
    for (let probe = 0; probe < MOST_PROBES; probe++) {
      const slot = (first + probe) & (this.#capacity - 1);
      if (this.#seen[3 * slot] === 0 || isSameBlock(this.#words, WORDS * slot, words, w)) return slot;
    }
    return -1;
  }

  /** A larger table while that is allowed; then the same with half of the range, after as much as it takes. */
  #makeRoom(): void {
    if (this.#count < MOST_REMEMBERED) this.#capacity *= 2;
    else if (this.#added < MOST_REMEMBERED / 4) return;
    else this.#limit /= 2;
    this.#added = 0;
    const [words, seen] = [this.#words, this.#seen];
    this.#words = new Uint32Array(WORDS * this.#capacity);
    this.#seen = new Float64Array(3 * this.#capacity);
    this.#count = 0;
    for (let old = 0; 3 * old < seen.length; old++) {
      if (seen[3 * old] === 0) continue;
      const hash = hashBlock(words, WORDS * old);
      const slot = hash < this.#limit ? this.#find(words, WORDS * old, hash) : -1;
      if (slot < 0) continue;
      const [owner, offset, place] = [seen[3 * old]!, seen[3 * old + 1]!, seen[3 * old + 2]!];
      this.#put(slot, words, WORDS * old, owner, offset, place);
      this.#count++;
    }
  }
}
