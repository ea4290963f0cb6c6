import { type Bytes, wipe } from "../formats/bytes.js";
import { SEALED_CHUNK } from "../stream/geometry.js";

/**
 * Memory of sealed chunks until they are acknowledged, used again and again: fresh buffers of this size made the
 * garbage collector the largest cost of a recording (docs/benchmarks.md, "Recordings").
 */
const BLOCK_CHUNKS = 16;
const BLOCK = BLOCK_CHUNKS * SEALED_CHUNK;
/** Free blocks that are kept: 8 MiB, the longest segment. */
const MOST_FREE = 32;
/** Below, a buffer of its own costs less than a block. */
const SMALL = BLOCK / 4;

/** The blocks of a recording, all tracks together: of its ciphertext, or of its plaintext, and never of both. */
export class BlockPool {
  readonly #free: Bytes[] = [];

  take(): Bytes {
    return this.#free.pop() ?? new Uint8Array(BLOCK);
  }

  /** @param blocks without readers and writers. */
  give(blocks: readonly Bytes[]): void {
    for (const block of blocks) if (this.#free.length < MOST_FREE) this.#free.push(block);
  }
}

/** Copies of input until it is sealed; wiped then. */
export class Copies {
  readonly #pool = new BlockPool();

  /** @returns a copy, and its end: to be called behind the last use. */
  of(data: Bytes): [copy: Bytes, done: () => void] {
    const isPooled = data.length >= SMALL && data.length <= BLOCK;
    const block = isPooled ? this.#pool.take() : new Uint8Array(data.length);
    const copy = block.subarray(0, data.length);
    copy.set(data);
    let isDone = false;
    const done = (): void => {
      if (isDone) return;
      isDone = true;
      wipe(copy);
      if (isPooled) this.#pool.give([block]);
    };
    return [copy, done];
  }
}

/** Where one segment's whole chunks are sealed to, one behind the other. */
export class ChunkBlocks {
  readonly #pool: BlockPool;
  #blocks: Bytes[] = [];
  #count = 0;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  /** Chunks that have a place. */
  get count(): number {
    return this.#count;
  }

  /** Room for the next chunk. */
  place(): Bytes {
    const start = (this.#count++ % BLOCK_CHUNKS) * SEALED_CHUNK;
    if (start === 0) this.#blocks.push(this.#pool.take());
    return this.#blocks.at(-1)!.subarray(start, start + SEALED_CHUNK);
  }

  /** The bytes of chunks `first` and on, as few pieces as there are blocks. */
  from(first: number): Bytes[] {
    const parts: Bytes[] = [];
    for (let chunk = first; chunk < this.#count; ) {
      const block = Math.floor(chunk / BLOCK_CHUNKS);
      const end = Math.min((block + 1) * BLOCK_CHUNKS, this.#count);
      const start = block * BLOCK_CHUNKS;
      parts.push(this.#blocks[block]!.subarray((chunk - start) * SEALED_CHUNK, (end - start) * SEALED_CHUNK));
      chunk = end;
    }
    return parts;
  }

  /** To be called once, behind the last read. */
  release(): void {
    this.#pool.give(this.#blocks);
    this.#blocks = [];
  }
}
