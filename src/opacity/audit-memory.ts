import { BlockMemory } from "./block-memory.js";
import { binomialThreshold, spend } from "./false-alarm.js";
import type { FindingList } from "./findings.js";

/** First bytes of a stream's first chunk that are kept to compare it with others; fewer tell nothing of a key stream. */
const BEGINNING = 512;
const SHORTEST_BEGINNING = 64;
/** Streams of which the beginning is kept: 2 MiB. */
const MOST_STREAMS = 4096;

/** One ciphertext: what its key is bound to, and its salt. */
export interface StreamFields {
  readonly object: number;
  /** The recording, the track and index; or its metadata. */
  readonly name: string;
  readonly salt: string;
}

interface SeenStream extends StreamFields {
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
  /** By salt, in the order in which they came. */
  readonly #streams = new Map<string, SeenStream>();
  #objects = 0;

  /**
   * Numbers the objects in the order of their audits.
   *
   * @internal
   */
  nextObject(): number {
    return this.#objects++;
  }

  /**
   * Compares a ciphertext's beginning with those of all before it. A second upload of it, or of a beginning of it, is no finding;
   * one salt for two ciphertexts, and bytes that agree where they should not, are.
   *
   * @internal
   */
  compare(stream: StreamFields, chunk: Uint8Array, base: number, findings: FindingList): void {
    const same = this.#streams.get(stream.salt);
    const place = { bytes: chunk, base, at: 0, length: Math.min(16, chunk.length) };
    if (same) {
      const shared = Math.min(same.beginning.length, chunk.length);
      if (same.name === stream.name && equalByteCount(same.beginning, chunk) === shared) {
        if (chunk.length > same.beginning.length) this.#remember(stream, chunk);
        return;
      }
      const reason = `object ${same.object + 1} before this one has the same salt and other content: one key and nonce twice`;
      findings.add("reused-salt", place, reason);
    }
    let k = 0;
    for (const other of this.#streams.values()) {
      k++;
      const length = Math.min(other.beginning.length, chunk.length);
      if (length < SHORTEST_BEGINNING) continue;
      const equal = equalByteCount(other.beginning, chunk);
      if (equal < binomialThreshold(length, 1 / 256, spend(k))) continue;
      const reason = `${equal} of ${length} bytes equal those at the same place of object ${other.object + 1} before this one: one key stream twice?`;
      findings.add("periodic", { ...place, length }, reason);
      break;
    }
    this.#remember(stream, chunk);
  }

  #remember(stream: StreamFields, chunk: Uint8Array): void {
    this.#streams.set(stream.salt, { ...stream, beginning: chunk.slice(0, BEGINNING) });
    const [oldest] = this.#streams.keys();
    if (this.#streams.size > MOST_STREAMS) this.#streams.delete(oldest!);
  }
}

function equalByteCount(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  let equal = 0;
  for (let i = 0; i < length; i++) if (left[i] === right[i]) equal++;
  return equal;
}
