import { CHUNK, SEALED_CHUNK } from "../stream/geometry.js";
import { BLOCK_LENGTH, type BlockMemory, hashBlock } from "./block-memory.js";
import { countsFault } from "./byte-counts.js";
import { binomialThreshold, octave, rareThreshold, spend } from "./false-alarm.js";
import type { FindingList } from "./findings.js";
import { BLOCK_SLOTS, type Scratch, WORD_MEMORY } from "./scratch.js";

const WINDOW = CHUNK / 4;
const WORDS_PER_BLOCK = BLOCK_LENGTH / 4;

/** Distances at which bytes are compared with those before them: periods of a short key. */
const LONGEST_PERIOD = 64;
const PERIOD_SPAN = 2048;
/** All of the first chunks are searched for periods, then one of so many. */
const FIRST_CHUNKS = 8;
const LATER_CHUNKS = 64;

const NONE = new Uint8Array(0);

/**
 * The statistical checks, over the sealed bytes of one object, a chunk at a time. Blocks are those that a block cipher
 * would make: counted from the chunk's start.
 */
export class SealedWindows {
  readonly #findings: FindingList;
  #memory: BlockMemory;
  readonly #object: number;
  #smallTotal = 0;
  readonly #scratch: Scratch;
  #hasPrevious = false;
  #chunk = 0;
  #window = 0;
  #total = 0;

  /** @param object its number in `memory`, which several objects may share. */
  constructor(findings: FindingList, scratch: Scratch, memory: BlockMemory, object: number) {
    this.#scratch = scratch;
    this.#findings = findings;
    this.#memory = memory;
    this.#object = object;
  }

  /** For what is a copy: its blocks may repeat another object's, not its own. */
  setMemory(memory: BlockMemory): void {
    this.#memory = memory;
  }

  /**
   * @param bytes one chunk, at most 16,400 bytes, at the start of a buffer of its own.
   * @param base where it starts in the object.
   */
  chunk(bytes: Uint8Array, base: number): void {
    this.#chunk++;
    this.#blocks(bytes, base);
    this.#bytes(bytes, base);
    this.#periods(bytes, base);
  }

  /** The small fields' counts, and the whole object's: what is too weak to show in a chunk. */
  finish(): void {
    const small = countsFault(this.#scratch.smallCounts, this.#smallTotal, ++this.#window);
    if (small !== undefined)
      this.#findings.add("statistics", `small fields together: ${small}`, NONE, 0, 0, 0);
    this.#addToObject(this.#scratch.smallCounts, this.#smallTotal);
    const whole = countsFault(this.#scratch.objectCounts, this.#total, 1);
    if (whole !== undefined && !this.#findings.has("statistics")) {
      this.#findings.add("statistics", `all sealed bytes together: ${whole}`, NONE, 0, 0, 0);
    }
  }

  /** A field too short for statistics of its own; `isUniform` where it can be counted with the others. */
  field(bytes: Uint8Array, base: number, { isUniform }: { readonly isUniform: boolean }): void {
    if (isUniform) {
      for (const byte of bytes) this.#scratch.smallCounts[byte]!++;
      this.#smallTotal += bytes.length;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + BLOCK_LENGTH <= bytes.length; at += BLOCK_LENGTH) {
      const a = view.getUint32(at, true);
      const b = view.getUint32(at + 4, true);
      const c = view.getUint32(at + 8, true);
      const d = view.getUint32(at + 12, true);
      this.#meet(hashBlock(a, b, c, d), a, b, c, d, bytes, base, at);
    }
  }

  #blocks(bytes: Uint8Array, base: number): void {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
    const { length } = words;
    const { lastWords, blockSlots: slots } = this.#scratch;
    const stamp = this.#scratch.nextStamp();
    let repeatedWords = 0;
    let lastRepeat = 0;
    let repeatedBlocks = 0;
    for (let w = 0; w + WORDS_PER_BLOCK <= length; w += WORDS_PER_BLOCK) {
      const a = words[w]!;
      const b = words[w + 1]!;
      const c = words[w + 2]!;
      const d = words[w + 3]!;
      // Every other word: half of the work, and structure shows in either half.
      const slotA = Math.imul(a, 0x9e3779b1) >>> 19;
      if (lastWords[slotA] === a) {
        repeatedWords++;
        lastRepeat = w;
      } else lastWords[slotA] = a;
      const slotC = Math.imul(c, 0x9e3779b1) >>> 19;
      if (lastWords[slotC] === c) {
        repeatedWords++;
        lastRepeat = w + 2;
      } else lastWords[slotC] = c;
      const hash = hashBlock(a, b, c, d);
      // In one chunk every repetition is found; farther apart, those that the memory samples.
      let slot = hash & (BLOCK_SLOTS - 1);
      let isRepeated = false;
      for (let held = slots[slot]!; held >= stamp; held = slots[slot]!) {
        const other = WORDS_PER_BLOCK * (held - stamp);
        if (
          words[other] === a &&
          words[other + 1] === b &&
          words[other + 2] === c &&
          words[other + 3] === d
        ) {
          isRepeated = true;
          if (repeatedBlocks++ === 0) this.#reportBlock(bytes, base, 4 * w, this.#object, base + 4 * other);
          break;
        }
        slot = (slot + 1) & (BLOCK_SLOTS - 1);
      }
      if (isRepeated) continue;
      slots[slot] = stamp + w / WORDS_PER_BLOCK;
      if (this.#memory.isSampled(hash)) this.#meet(hash, a, b, c, d, bytes, base, 4 * w);
    }
    const compared = Math.floor(length / 2);
    const limit = wordLimit(compared, this.#chunk);
    if (repeatedWords < limit) return;
    const reason = `${repeatedWords} of ${compared} four-byte words were there shortly before, fewer than ${limit} are chance`;
    this.#findings.add("compressible", reason, bytes, base, 4 * lastRepeat, 4);
  }

  #meet(
    hash: number,
    a: number,
    b: number,
    c: number,
    d: number,
    bytes: Uint8Array,
    base: number,
    at: number,
  ): void {
    if (!this.#memory.isSampled(hash)) return;
    const before = this.#memory.meet(hash, a, b, c, d, this.#object, base + at);
    if (before) this.#reportBlock(bytes, base, at, before.object, before.offset);
  }

  #reportBlock(bytes: Uint8Array, base: number, at: number, object: number, offset: number): void {
    const where = object === this.#object ? "" : ` of object ${object + 1} before this one`;
    const reason = `these ${BLOCK_LENGTH} bytes stand at byte ${offset}${where} too`;
    this.#findings.add("repeated-block", reason, bytes, base, at, BLOCK_LENGTH);
  }

  #bytes(bytes: Uint8Array, base: number): void {
    const [counts] = this.#scratch.counts;
    this.#scratch.chunkCounts.fill(0);
    for (let start = 0; start < bytes.length; start += WINDOW) {
      // The tag belongs to the last window.
      const isLast = bytes.length - start < WINDOW + BLOCK_LENGTH + 1;
      const end = isLast ? bytes.length : start + WINDOW;
      this.#countBytes(bytes, start, end);
      const fault = countsFault(counts, end - start, ++this.#window);
      if (fault !== undefined) this.#findings.add("statistics", fault, bytes, base, start, end - start);
      for (let byte = 0; byte < 256; byte++) this.#scratch.chunkCounts[byte]! += counts[byte]!;
      if (isLast) break;
    }
    const fault = countsFault(this.#scratch.chunkCounts, bytes.length, this.#chunk);
    if (fault !== undefined && bytes.length > WINDOW + BLOCK_LENGTH) {
      this.#findings.add("statistics", fault, bytes, base, 0, bytes.length);
    }
    this.#addToObject(this.#scratch.chunkCounts, bytes.length);
  }

  #addToObject(counts: Float64Array, total: number): void {
    for (let byte = 0; byte < 256; byte++) this.#scratch.objectCounts[byte]! += counts[byte]!;
    this.#total += total;
  }

  /** Into four tables in turn: one would wait for itself where bytes repeat. Sums up in the first. */
  #countBytes(bytes: Uint8Array, start: number, end: number): void {
    const [first, second, third, fourth] = this.#scratch.counts;
    for (const counts of this.#scratch.counts) counts.fill(0);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + start, Math.floor((end - start) / 4));
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      first[word & 0xff]!++;
      second[(word >>> 8) & 0xff]!++;
      third[(word >>> 16) & 0xff]!++;
      fourth[word >>> 24]!++;
    }
    let at = start + 4 * words.length;
    for (; at < end; at++) first[bytes[at]!]!++;
    for (let byte = 0; byte < 256; byte++) first[byte]! += second[byte]! + third[byte]! + fourth[byte]!;
  }

  #periods(bytes: Uint8Array, base: number): void {
    const { previous } = this.#scratch;
    const span = Math.min(bytes.length, PERIOD_SPAN);
    if (this.#hasPrevious) {
      let equal = 0;
      for (let i = 0; i < span; i++) if (bytes[i] === previous[i]) equal++;
      const limit = binomialLimit(span, this.#chunk);
      if (equal >= limit) {
        const reason = `${equal} of ${span} bytes equal those ${SEALED_CHUNK} before them, fewer than ${limit} are chance: one key stream twice?`;
        this.#findings.add("periodic", reason, bytes, base, 0, span);
      }
    }
    this.#hasPrevious = bytes.length >= PERIOD_SPAN;
    if (this.#hasPrevious) previous.set(bytes.subarray(0, PERIOD_SPAN));
    if (this.#chunk > FIRST_CHUNKS && this.#chunk % LATER_CHUNKS !== 0) return;
    for (let period = 1; period <= LONGEST_PERIOD && period < span; period++) {
      let equal = 0;
      for (let i = period; i < span; i++) if (bytes[i] === bytes[i - period]) equal++;
      const limit = binomialLimit(span - period, LONGEST_PERIOD * (this.#chunk - 1) + period);
      if (equal < limit) continue;
      const reason = `${equal} of ${span - period} bytes equal those ${period} before them, fewer than ${limit} are chance`;
      this.#findings.add("periodic", reason, bytes, base, 0, span);
      return;
    }
  }
}

const limits = new Map<string, number>();

function cached(name: string, length: number, k: number, make: () => number): number {
  const key = `${name} ${length} ${octave(k)}`;
  let limit = limits.get(key);
  if (limit === undefined) {
    // Odd lengths come from last chunks only; the table need not remember all of them.
    if (limits.size > 10_000) limits.clear();
    limit = make();
    limits.set(key, limit);
  }
  return limit;
}

function binomialLimit(trials: number, k: number): number {
  return cached("equal", trials, k, () => binomialThreshold(trials, 1 / 256, spend(k)));
}

function wordLimit(words: number, k: number): number {
  if (words === 0) return 1;
  return cached("words", words, k, () => rareThreshold(words, WORD_MEMORY / 2 ** 32, spend(k)));
}
