import { SEALED_CHUNK } from "../stream/geometry.js";

/** Remembered words; each new one equals one of them with a probability of at most this over 2^32. */
export const WORD_MEMORY = 2 ** 13;
/** Slots of a chunk's table of blocks: more than twice as many as there are blocks. */
export const BLOCK_SLOTS = 2 ** 12;
/** A slot holds a chunk's stamp plus the block's number, which is below this. */
export const STAMP = 2 ** 11;
const LAST_STAMP = 2 ** 31 - STAMP;

/** The tables that one audit needs at a time. Small objects take less time to audit than to allocate these for. */
export class Scratch {
  readonly chunk: Uint8Array<ArrayBuffer> = new Uint8Array(SEALED_CHUNK);
  readonly previous: Uint8Array = new Uint8Array(SEALED_CHUNK);
  readonly counts: readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array] = [
    new Uint32Array(256),
    new Uint32Array(256),
    new Uint32Array(256),
    new Uint32Array(256),
  ];
  /** Of the chunk, of the small fields, of the whole object. */
  readonly chunkCounts: Float64Array = new Float64Array(256);
  readonly smallCounts: Float64Array = new Float64Array(256);
  readonly objectCounts: Float64Array = new Float64Array(256);
  readonly lastWords: Uint32Array = new Uint32Array(WORD_MEMORY);
  readonly blockSlots: Uint32Array = new Uint32Array(BLOCK_SLOTS);
  #stamp = 0;

  /** Greater than all that the slots hold: they need not be cleared for every chunk. */
  nextStamp(): number {
    if (this.#stamp >= LAST_STAMP) {
      this.blockSlots.fill(0);
      this.#stamp = 0;
    }
    this.#stamp += STAMP;
    return this.#stamp;
  }
}

const MOST_SPARE = 4;
const spare: Scratch[] = [];

export function takeScratch(): Scratch {
  const scratch = spare.pop() ?? new Scratch();
  scratch.lastWords.fill(0);
  scratch.smallCounts.fill(0);
  scratch.objectCounts.fill(0);
  return scratch;
}

/** For the next audit. Nothing of it may be used afterwards. */
export function giveScratch(scratch: Scratch): void {
  if (spare.length < MOST_SPARE) spare.push(scratch);
}
