import { type Bytes, wipe } from "../formats/bytes.js";
import { CHUNK } from "../stream/geometry.js";

/** Plaintext that waits to be sealed, copied into blocks: single-byte writes cost no more memory than long ones. */
export class ByteQueue {
  #blocks: Bytes[] = [];
  /** Where the first block's bytes begin, and where the last one's end. */
  #start = 0;
  #end = CHUNK;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; ) {
      if (this.#end === CHUNK) {
        this.#blocks.push(new Uint8Array(CHUNK));
        this.#end = 0;
      }
      const part = bytes.subarray(offset, offset + CHUNK - this.#end);
      this.#blocks.at(-1)!.set(part, this.#end);
      this.#end += part.length;
      offset += part.length;
    }
    this.#length += bytes.length;
  }

  /** Moves the first bytes to `taken`, which is at most as long as the queue. The caller wipes them. */
  takeInto(taken: Bytes): void {
    let filled = 0;
    while (filled < taken.length) {
      const block = this.#blocks[0]!;
      const part = block.subarray(this.#start, Math.min(CHUNK, this.#start + taken.length - filled));
      taken.set(part, filled);
      part.fill(0);
      filled += part.length;
      this.#start += part.length;
      if (this.#start < CHUNK) break;
      this.#blocks.shift();
      this.#start = 0;
    }
    this.#length -= taken.length;
    if (this.#length === 0) this.wipe();
  }

  wipe(): void {
    for (const block of this.#blocks) wipe(block);
    this.#blocks = [];
    this.#start = 0;
    this.#end = CHUNK;
    this.#length = 0;
  }
}
