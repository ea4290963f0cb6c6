import { type Bytes, wipe } from "../formats/bytes.js";
import { type ByteSource, checkRange, type ReadOptions, readOptionsOf } from "../source/byte-source.js";

/** The used part of an excerpt's segment. */
interface ReadablePart {
  readonly size: number;
  read(options?: ReadOptions): Promise<Bytes>;
}

/** An excerpt's segments, one behind the other. Each is opened whole; the last one that was read is kept. */
export class ExcerptSource implements ByteSource {
  readonly #parts: readonly ReadablePart[];
  readonly #size: number;
  #last: { readonly n: number; readonly content: Bytes } | undefined;
  #isForgotten = false;

  constructor(parts: readonly ReadablePart[]) {
    this.#parts = parts;
    this.#size = parts.reduce((sum, { size }) => sum + size, 0);
  }

  async size(): Promise<number> {
    return this.#size;
  }

  async read(start: number, end: number, given?: ReadOptions): Promise<Bytes> {
    const options = readOptionsOf(given);
    checkRange(start, end, this.#size);
    const output = new Uint8Array(end - start);
    let at = 0;
    for (const [n, { size }] of this.#parts.entries()) {
      const [from, to] = [Math.max(start, at), Math.min(end, at + size)];
      if (from < to)
        output.set((await this.#contentOf(n, options)).subarray(from - at, to - at), from - start);
      at += size;
    }
    return output;
  }

  /** With the excerpt's close: reads fail from then on as those of its segments do. */
  forget(): void {
    this.#isForgotten = true;
    wipe(this.#last?.content);
    this.#last = undefined;
  }

  async #contentOf(n: number, options: ReadOptions): Promise<Bytes> {
    if (this.#last?.n === n) return this.#last.content;
    const content = await this.#parts[n]!.read(options);
    if (!this.#isForgotten) this.#last = { n, content };
    return content;
  }
}
