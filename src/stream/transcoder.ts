import { closedError, truncated } from "../errors.js";
import { isPromise } from "../formats/brand.js";
import { type Bytes, EMPTY, joinBytes, type MaybePromise } from "../formats/bytes.js";
import { TAG_LENGTH } from "../formats/constants.js";
import type { ChunkCipher } from "./chunk.js";
import { CHUNK, chunkOffset, SEALED_CHUNK } from "./geometry.js";
import { Rechunker } from "./rechunk.js";

/** What differs between the directions: the size of a unit going in and out, and the call in the middle. */
export interface Direction {
  readonly input: number;
  readonly output: number;
  /** Bytes of the last unit, which may be of any length, that are no plaintext. */
  readonly overhead: number;
  /** Refuses what cannot be the last unit of a stream that ends at byte `end`. */
  checkLast?(length: number, end: number): void;
  transform(cipher: ChunkCipher, chunkIndex: number, unit: Bytes): MaybePromise<Bytes>;
  transformInto(cipher: ChunkCipher, chunkIndex: number, unit: Bytes, output: Bytes, offset: number): void;
}

export const SEALING: Direction = {
  input: CHUNK,
  output: SEALED_CHUNK,
  overhead: 0,
  transform: (cipher, chunkIndex, unit) => cipher.seal(chunkIndex, unit),
  transformInto: (cipher, chunkIndex, unit, output, offset) =>
    cipher.sealInto(chunkIndex, unit, output, offset),
};

export const OPENING: Direction = {
  input: SEALED_CHUNK,
  output: CHUNK,
  overhead: TAG_LENGTH,
  checkLast(length, end) {
    if (length < TAG_LENGTH) throw truncated("the sealed stream", end);
  },
  transform: (cipher, chunkIndex, unit) => cipher.open(chunkIndex, unit),
  transformInto: (cipher, chunkIndex, unit, output, offset) =>
    cipher.openInto(chunkIndex, unit, output, offset),
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
  #lastChunkLength = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  readonly #origin: number;

  /** @param direction {@link SEALING} or {@link OPENING}. */
  constructor(cipher: ChunkCipher, direction: Direction, { origin = 0, firstChunk = 0 }: Position = {}) {
    this.#direction = direction;
    this.#cipher = cipher;
    this.#rechunker = new Rechunker(direction.input);
    this.#chunkIndex = firstChunk;
    this.#origin = origin;
  }

  /** Bytes of plaintext in the chunks handled so far. */
  get plaintextBytes(): number {
    return this.#chunkIndex * CHUNK + this.#lastChunkLength;
  }

  get isSynchronous(): boolean {
    return this.#cipher.isSynchronous;
  }

  get callsInFlight(): number {
    return this.#cipher.callsInFlight;
  }

  /** @returns the chunks that `piece` completed, as one buffer; empty where it completed none. */
  push(piece: Bytes): MaybePromise<Bytes> {
    if (!this.isSynchronous) return joined(this.pushApart(piece));
    this.#checkUsable();
    try {
      return this.#pushNow(piece);
    } catch (error) {
      return this.#fail(error);
    }
  }

  /**
   * The same, into memory of the caller's. Resolves when the chunks are there.
   *
   * @param place gives room for one chunk, as often as `piece` completes one, before this returns.
   */
  pushInto(piece: Bytes, place: () => Bytes): MaybePromise<void> {
    if (!this.isSynchronous) return this.#placed(this.pushApart(piece), place);
    this.#checkUsable();
    try {
      this.#rechunker.push(piece, (unit) =>
        this.#direction.transformInto(this.#cipher, this.#chunkIndex++, unit, place(), 0),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * The same where the backend is asynchronous, each chunk apart: WebCrypto makes a buffer for every answer, and
   * copying it into another costs browsers more than one more piece in the stream (docs/benchmarks.md).
   */
  pushApart(piece: Bytes): Promise<Bytes>[] {
    this.#checkUsable();
    const results: Promise<Bytes>[] = [];
    const transform = async (unit: Bytes) =>
      this.#direction.transform(this.#cipher, this.#chunkIndex++, unit);
    this.#rechunker.push(piece, (unit) => results.push(this.#guardLater(transform(unit))));
    return results;
  }

  /**
   * @returns the last, short chunk.
   * @throws BlindreelError `truncated` where an opened stream stops before one.
   */
  finish(): MaybePromise<Bytes> {
    this.#checkUsable();
    this.#ended = true;
    try {
      const rest = this.#rechunker.rest();
      const { overhead, checkLast } = this.#direction;
      checkLast?.(rest.length, this.#origin + chunkOffset(this.#chunkIndex) + rest.length);
      this.#lastChunkLength = rest.length - overhead;
      const last = this.#direction.transform(this.#cipher, this.#chunkIndex, rest);
      this.#rechunker.wipe();
      return isPromise(last) ? this.#guardLater(last) : last;
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** Ends without a last chunk and wipes what is buffered. */
  destroy(reason: unknown): void {
    this.#failure ??= { error: reason };
    this.#rechunker.wipe();
  }

  #pushNow(piece: Bytes): Bytes {
    const units = this.#rechunker.unitsWith(piece.length);
    const { output: size } = this.#direction;
    const output = units > 0 ? new Uint8Array(units * size) : EMPTY;
    let offset = 0;
    this.#rechunker.push(piece, (unit) => {
      this.#direction.transformInto(this.#cipher, this.#chunkIndex++, unit, output, offset);
      offset += size;
    });
    return output;
  }

  async #placed(chunks: readonly Promise<Bytes>[], place: () => Bytes): Promise<void> {
    const rooms = chunks.map(place);
    await Promise.all(chunks.map(async (chunk, i) => rooms[i]!.set(await chunk)));
  }

  #checkUsable(): void {
    if (this.#failure) throw this.#failure.error;
    if (this.#ended) throw closedError("the stream");
  }

  #guardLater(result: PromiseLike<Bytes>): Promise<Bytes> {
    return Promise.resolve(result).catch((error) => this.#fail(error));
  }

  #fail(error: unknown): never {
    this.destroy(error);
    throw this.#failure!.error;
  }
}

function joined(chunks: readonly Promise<Bytes>[]): MaybePromise<Bytes> {
  if (chunks.length <= 1) return chunks[0] ?? EMPTY;
  return Promise.all(chunks).then((all) => joinBytes(all));
}
