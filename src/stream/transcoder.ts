import { closedError, truncated } from "../errors.js";
import { isPromise } from "../formats/brand.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import { TAG_LENGTH } from "../formats/constants.js";
import type { ChunkCipher } from "./chunk.js";
import { CHUNK, chunkOffset, SEALED_CHUNK } from "./geometry.js";
import { Rechunker } from "./rechunk.js";

/** The differences between sealing and opening: unit lengths in bytes, and the cipher's call. */
interface Direction {
  readonly input: number;
  readonly output: number;
  /** Bytes of an input unit that are no plaintext. */
  readonly overhead: number;
  /** Checks the last unit's length; `end` is the stream's, for errors. */
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

/** Chunks in one result of a stream at most: 256 KiB. */
const JOINED = 16;
/** Chunks in one result where pieces are of 64 KiB, as platforms cut them. */
const USUALLY_JOINED = 4;

/** Position of the stream in a file. */
interface Position {
  /** Offset of the salt in the file, for error messages. */
  readonly origin?: number;
  /** 0 except in tests of the counter's limit. */
  readonly firstChunk?: number;
}

/**
 * The state of one stream, under its push, pull and transform forms: pieces of any size in, whole chunks out.
 * A full unit is never the last one (chunked-encryption, "Message chunking"), so none is held back.
 *
 * Pieces are consumed before `push` returns. Results belong in the order of the calls; a failure is final.
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

  /** Bytes of plaintext in the processed chunks. */
  get plaintextBytes(): number {
    return this.#chunkIndex * CHUNK + this.#lastChunkLength;
  }

  get isSynchronous(): boolean {
    return this.#cipher.isSynchronous && !this.#cipher.spans;
  }

  /**
   * Whether enough is under way, for {@link pushAhead}.
   *
   * @param results that are waiting. @param taken bytes of those that are not.
   */
  isFull(results: number, taken: number): boolean {
    const { callsInFlight, joinsAnswers, spans } = this.#cipher;
    if (spans) return spans.isFull(this.#chunkIndex, taken);
    return results >= (joinsAnswers ? Math.ceil(callsInFlight / USUALLY_JOINED) : callsInFlight);
  }

  /** @returns the completed chunks as one buffer of their own, possibly empty: callers may detach it. */
  push(piece: Bytes): MaybePromise<Bytes> {
    if (!this.isSynchronous) {
      const chunks = this.#pushApart(piece);
      return chunks.length > 1 ? this.#join(chunks) : (chunks[0] ?? new Uint8Array(0));
    }
    this.#checkUsable();
    try {
      return this.#pushNow(piece);
    } catch (error) {
      return this.#fail(error);
    }
  }

  /**
   * {@link push} into the caller's buffers. Resolves after the last write.
   *
   * @param place returns the buffer of one chunk. Called for every completed chunk before this returns.
   */
  pushInto(piece: Bytes, place: () => Bytes): MaybePromise<void> {
    if (!this.isSynchronous) return this.#placed(this.#pushApart(piece), place);
    this.#checkUsable();
    try {
      this.#rechunker.push(piece, (unit) =>
        this.#direction.transformInto(this.#cipher, this.#chunkIndex++, unit, place(), 0),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  /** {@link push} on asynchronous backends, in as many results as are best for a stream. */
  pushAhead(piece: Bytes): Promise<Bytes>[] {
    const chunks = this.#pushApart(piece);
    if (!this.#cipher.joinsAnswers) return chunks;
    const results: Promise<Bytes>[] = [];
    for (let i = 0; i < chunks.length; i += JOINED) results.push(this.#join(chunks.slice(i, i + JOINED)));
    return results;
  }

  /** One result for each chunk; with worker threads, as many as their spans have. */
  #pushApart(piece: Bytes): Promise<Bytes>[] {
    this.#checkUsable();
    const results: Promise<Bytes>[] = [];
    const { spans } = this.#cipher;
    let following = this.#rechunker.unitsWith(piece.length);
    const transform = async (unit: Bytes) =>
      this.#direction.transform(this.#cipher, this.#chunkIndex++, unit);
    this.#rechunker.push(piece, (unit) => {
      const added = spans ? spans.add(this.#chunkIndex++, unit, --following) : [transform(unit)];
      for (const result of added) results.push(this.#guardLater(result));
    });
    return results;
  }

  /**
   * Ends the stream.
   *
   * @returns the last chunk.
   * @throws BlindreelError `truncated` where an opened stream ends before it.
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
      this.#end();
      return isPromise(last) ? this.#guardLater(last) : last;
    } catch (error) {
      if (this.isSynchronous) return this.#fail(error);
      // In its turn: a chunk under way that fails comes first.
      this.#end();
      return Promise.reject(error);
    }
  }

  /** Ends the stream without a last chunk and wipes buffers. */
  destroy(reason: unknown): void {
    this.#failure ??= { error: reason };
    this.#rechunker.wipe();
    this.#cipher.spans?.destroy(reason);
  }

  #pushNow(piece: Bytes): Bytes {
    const units = this.#rechunker.unitsWith(piece.length);
    const { output: size } = this.#direction;
    const output = new Uint8Array(units * size);
    let offset = 0;
    this.#rechunker.push(piece, (unit) => {
      this.#direction.transformInto(this.#cipher, this.#chunkIndex++, unit, output, offset);
      offset += size;
    });
    return output;
  }

  async #placed(chunks: readonly Promise<Bytes>[], place: () => Bytes): Promise<void> {
    const buffers = chunks.map(place);
    await Promise.all(chunks.map((chunk, i) => this.#cipher.place(chunk, buffers[i]!, 0)));
  }

  async #join(chunks: readonly Promise<Bytes>[]): Promise<Bytes> {
    const { output: size } = this.#direction;
    const whole = new Uint8Array(chunks.length * size);
    await Promise.all(chunks.map((chunk, i) => this.#cipher.place(chunk, whole, i * size)));
    return whole;
  }

  #checkUsable(): void {
    if (this.#failure) throw this.#failure.error;
    if (this.#ended) throw closedError("the stream");
  }

  #guardLater(result: Bytes | PromiseLike<Bytes>): Promise<Bytes> {
    return Promise.resolve(result).catch((error) => this.#fail(error));
  }

  /** Of what is pushed; what is under way goes on. */
  #end(): void {
    this.#rechunker.wipe();
    this.#cipher.spans?.end();
  }

  /** What is under way before the failure is still to be released, in its turn. */
  #fail(error: unknown): never {
    this.#failure ??= { error };
    this.#end();
    throw this.#failure.error;
  }
}
