import { BlockMemory } from "./block-memory.js";

/** First bytes of a stream's first chunk that are kept to compare it with others. */
const BEGINNING = 512;
/** Streams of which the beginning is kept: 2 MiB. */
const MOST_STREAMS = 4096;

/** One ciphertext, as far as it is remembered. */
export interface SeenStream {
  readonly object: number;
  /** What it is of: the recording, the track and index; or its metadata. */
  readonly name: string;
  readonly salt: string;
  readonly beginning: Uint8Array;
}

/**
 * What is known of the objects audited so far, to find what repeats between them: blocks, salts, key streams. Hand one
 * to all calls that belong together. Its size is bounded, about 6 MiB; past some thousands of objects the oldest
 * streams are forgotten and blocks are sampled.
 */
export class AuditMemory {
  /** @internal */
  readonly blocks: BlockMemory = new BlockMemory();
  readonly #streams: SeenStream[] = [];
  readonly #bySalt = new Map<string, SeenStream>();
  #objects = 0;

  /**
   * Numbers the objects in the order of their audits.
   *
   * @internal
   */
  nextObject(): number {
    return this.#objects++;
  }

  /** @internal */
  withSalt(salt: string): SeenStream | undefined {
    return this.#bySalt.get(salt);
  }

  /** @internal */
  get streams(): readonly SeenStream[] {
    return this.#streams;
  }

  /** @internal */
  remember(stream: Omit<SeenStream, "beginning">, chunk: Uint8Array): void {
    const seen = { ...stream, beginning: chunk.slice(0, BEGINNING) };
    this.#bySalt.set(stream.salt, seen);
    if (this.#streams.push(seen) > MOST_STREAMS) this.#bySalt.delete(this.#streams.shift()!.salt);
  }
}
