import { closedError, truncated } from "../errors.js";
import { type Bytes, concatBytes, EMPTY, type MaybePromise } from "../formats/bytes.js";
import { TAG_LENGTH } from "../formats/constants.js";
import type { ChunkCipher } from "./chunk.js";
import { CHUNK, chunkOffset, SEALED_CHUNK } from "./geometry.js";
import { Rechunker } from "./rechunk.js";

/** What differs between the directions: the size of a unit going in and out, and the call in the middle. */
interface Direction {
  readonly input: number;
  readonly output: number;
  transform(cipher: ChunkCipher, chunkIndex: number, unit: Bytes): MaybePromise<Bytes>;
  transformInto(cipher: ChunkCipher, chunkIndex: number, unit: Bytes, output: Bytes): void;
}

const SEALING: Direction = {
  input: CHUNK,
  output: SEALED_CHUNK,
  transform: (cipher, chunkIndex, unit) => cipher.seal(chunkIndex, unit),
  transformInto: (cipher, chunkIndex, unit, output) => cipher.sealInto(chunkIndex, unit, output),
};

const OPENING: Direction = {
  input: SEALED_CHUNK,
  output: CHUNK,
  transform: (cipher, chunkIndex, unit) => cipher.open(chunkIndex, unit),
  transformInto: (cipher, chunkIndex, unit, output) => cipher.openInto(chunkIndex, unit, output),
};

/** Where in a larger whole the stream stands. */
export interface Position {
  /** Offset of the salt in the file, for error messages. */
  readonly origin?: number;
  /** Other than 0 only in tests of the counter's end. */
  readonly firstChunk?: number;
}

/**
 * The core under every form of stream: push, pull and transform. Pieces of any size go in, whole chunks come out.
 * A unit of full size is never the last (the standard's last chunk is always shorter), so nothing is held back.
 *
 * Pieces are consumed before `push` returns. Results must be taken in order; a failure repeats for ever after.
 */
export class Transcoder {
  readonly #direction: Direction;
  readonly #cipher: ChunkCipher;
  readonly #rechunker: Rechunker;
  #chunkIndex: number;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  readonly #origin: number;

  constructor(
    cipher: ChunkCipher,
    direction: "seal" | "open",
    { origin = 0, firstChunk = 0 }: Position = {},
  ) {
    this.#direction = direction === "seal" ? SEALING : OPENING;
    this.#cipher = cipher;
    this.#rechunker = new Rechunker(this.#direction.input);
    this.#chunkIndex = firstChunk;
    this.#origin = origin;
  }

  /** Bytes of plaintext in the chunks handled so far; the last, short one does not count. */
  get plaintextBytes(): number {
    return this.#chunkIndex * CHUNK;
  }

  get isSynchronous(): boolean {
    return this.#cipher.isSynchronous;
  }

  /** @returns the chunks that `piece` completed, as one buffer; empty where it completed none. */
  push(piece: Bytes): MaybePromise<Bytes> {
    return this.#guard(() => {
      const units = this.#rechunker.unitsWith(piece.length);
      if (units === 0) {
        this.#rechunker.push(piece, () => {});
        return EMPTY;
      }
      return this.isSynchronous ? this.#pushNow(piece, units) : this.#pushLater(piece);
    });
  }

  /**
   * @returns the last, short chunk.
   * @throws BlindreelError `truncated` where an opened stream stops before one.
   */
  finish(): MaybePromise<Bytes> {
    return this.#guard(() => {
      this.#ended = true;
      const rest = this.#rechunker.rest();
      if (this.#direction === OPENING && rest.length < TAG_LENGTH) {
        throw truncated("the sealed stream", this.#origin + chunkOffset(this.#chunkIndex) + rest.length);
      }
      const last = this.#direction.transform(this.#cipher, this.#chunkIndex, rest);
      this.#rechunker.wipe();
      return last;
    });
  }

  /** Ends without a last chunk and wipes what is buffered. */
  destroy(reason: unknown): void {
    this.#failure ??= { error: reason };
    this.#rechunker.wipe();
  }

  #pushNow(piece: Bytes, units: number): Bytes {
    const { output: size } = this.#direction;
    const output = new Uint8Array(units * size);
    let offset = 0;
    this.#rechunker.push(piece, (unit) => {
      const target = output.subarray(offset, offset + size);
      this.#direction.transformInto(this.#cipher, this.#chunkIndex++, unit, target);
      offset += size;
    });
    return output;
  }

  #pushLater(piece: Bytes): Promise<Bytes> {
    const results: MaybePromise<Bytes>[] = [];
    this.#rechunker.push(piece, (unit) => {
      results.push(this.#direction.transform(this.#cipher, this.#chunkIndex++, unit));
    });
    return Promise.all(results).then((chunks) => (chunks.length === 1 ? chunks[0]! : concatBytes(...chunks)));
  }

  #guard(step: () => MaybePromise<Bytes>): MaybePromise<Bytes> {
    if (this.#failure) throw this.#failure.error;
    if (this.#ended) throw closedError("the stream");
    try {
      const result = step();
      return result instanceof Promise ? result.catch((error) => this.#fail(error)) : result;
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): never {
    this.destroy(error);
    throw this.#failure!.error;
  }
}
