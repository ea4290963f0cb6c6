import { TAG_LENGTH } from "../formats/constants.js";
import { CHUNK, SEALED_CHUNK } from "../stream/geometry.js";
import { BLOCK_LENGTH, type BlockMemory, hashBlock, isSameBlock, MOST_PROBES } from "./block-memory.js";
import { countsFault } from "./byte-counts.js";
import { binomialThreshold, perOctave, rareThreshold } from "./false-alarm.js";
import { type FindingList, nowhere, type Place } from "./findings.js";

const WINDOW = CHUNK / 4;
const WORDS_PER_BLOCK = BLOCK_LENGTH / 4;

/** Remembered words; each new one equals one of them with a probability of at most this over 2^32. */
const WORD_MEMORY = 2 ** 13;
/** Slots of a chunk's table of blocks: more than twice as many as there are blocks. */
const BLOCK_SLOTS = 2 ** 12;

/** Distances at which bytes are compared with those before them: periods of a short key. */
const LONGEST_PERIOD = 64;
const PERIOD_SPAN = 2048;
/** All of the first chunks are searched for periods, then one of so many. */
const FIRST_CHUNKS = 8;
const LATER_CHUNKS = 64;

/** Where sealed bytes stand: `part` is the same in two uploads of one object, and starts at `start`. */
export interface Part {
  readonly id: number;
  readonly start: number;
}

/**
 * The statistical checks, over the sealed bytes of one object, a chunk at a time. Blocks are those that a block cipher
 * would make: counted from the chunk's start.
 */
export class SealedWindows {
  readonly #findings: FindingList;
  readonly #memory: BlockMemory;
  readonly #object: number;
  readonly #previous = new Uint8Array(PERIOD_SPAN);
  #hasPrevious = false;
  readonly #counts = new Uint32Array(256);
  readonly #chunkCounts = new Float64Array(256);
  readonly #smallCounts = new Float64Array(256);
  readonly #objectCounts = new Float64Array(256);
  readonly #lastWords = new Uint32Array(WORD_MEMORY);
  /** The chunk's blocks: the chunk's number times 2^11, and the block's. */
  readonly #blockSlots = new Float64Array(BLOCK_SLOTS);
  #smallTotal = 0;
  #chunk = 0;
  #window = 0;
  #total = 0;

  /** @param object its number in `memory`, which several objects may share. */
  constructor(findings: FindingList, memory: BlockMemory, object: number) {
    this.#findings = findings;
    this.#memory = memory;
    this.#object = object;
  }

  /**
   * @param bytes one chunk, at most 16,400 bytes, at the start of a buffer of its own.
   * @param base where it starts in the object.
   */
  chunk(bytes: Uint8Array, base: number, part: Part): void {
    this.#chunk++;
    this.#blocks(bytes, base, part);
    this.#bytes(bytes, base);
    this.#periods(bytes, base);
  }

  /** The last chunk's tag, which stands across its blocks. */
  tag(bytes: Uint8Array, base: number, part: Part): void {
    const at = bytes.length - TAG_LENGTH;
    if (at >= 0 && at % BLOCK_LENGTH !== 0) this.#fieldBlocks(bytes.slice(at), base + at, part);
  }

  /** The small fields' counts, and the whole object's: what is too weak to show in a chunk. */
  finish(): void {
    const small = countsFault(this.#smallCounts, this.#smallTotal, ++this.#window);
    if (small !== undefined) this.#findings.add("statistics", nowhere(), `small fields together: ${small}`);
    addTo(this.#objectCounts, this.#smallCounts);
    this.#total += this.#smallTotal;
    const whole = countsFault(this.#objectCounts, this.#total, 1);
    if (whole !== undefined && !this.#findings.has("statistics")) {
      this.#findings.add("statistics", nowhere(), `all sealed bytes together: ${whole}`);
    }
  }

  /** A field too short for statistics of its own; `isUniform` where it can be counted with the others. */
  field(bytes: Uint8Array, base: number, part: Part, { isUniform }: { readonly isUniform: boolean }): void {
    if (isUniform) {
      for (const byte of bytes) this.#smallCounts[byte]!++;
      this.#smallTotal += bytes.length;
    }
    this.#fieldBlocks(bytes, base, part);
  }

  #fieldBlocks(bytes: Uint8Array, base: number, part: Part): void {
    const words = new Uint32Array(bytes.slice().buffer, 0, Math.floor(bytes.length / 4));
    for (let w = 0; w + WORDS_PER_BLOCK <= words.length; w += WORDS_PER_BLOCK)
      this.#meet(words, w, hashBlock(words, w), bytes, base, part);
  }

  #blocks(bytes: Uint8Array, base: number, part: Part): void {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
    const { length } = words;
    const lastWords = this.#lastWords;
    let repeatedWords = 0;
    let lastRepeat = 0;
    let isReported = false;
    for (let w = 0; w + WORDS_PER_BLOCK <= length; w += WORDS_PER_BLOCK) {
      const a = words[w]!;
      const c = words[w + 2]!;
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
      const hash = hashBlock(words, w);
      // In one chunk every repetition is found; farther apart, those that the memory samples.
      const other = this.#sameBlock(words, w, hash);
      if (other === w) this.#meet(words, w, hash, bytes, base, part);
      else if (!isReported) {
        isReported = true;
        this.#reportBlock(bytes, base, 4 * w, this.#object, base + 4 * other);
      }
    }
    const compared = Math.floor(length / 2);
    const limit = wordLimit(compared, this.#chunk);
    if (repeatedWords < limit) return;
    const reason = `${repeatedWords} of ${compared} four-byte words were there shortly before, fewer than ${limit} are chance`;
    this.#findings.add("compressible", { bytes, base, at: 4 * lastRepeat, length: 4 }, reason);
  }

  /** The first word of the same block before in this chunk; else its own, which is remembered where there is room. */
  #sameBlock(words: Uint32Array, w: number, hash: number): number {
    const slots = this.#blockSlots;
    const stamp = BLOCK_SLOTS * this.#chunk;
    for (let probe = 0; probe < MOST_PROBES; probe++) {
      const slot = ((hash >>> 20) + probe) & (BLOCK_SLOTS - 1);
      const other = WORDS_PER_BLOCK * (slots[slot]! - stamp);
      if (other < 0) {
        slots[slot] = stamp + w / WORDS_PER_BLOCK;
        break;
      }
      if (isSameBlock(words, other, words, w)) return other;
    }
    return w;
  }

  /** A block that another upload of the same object has at the same place is that upload's. */
  #meet(words: Uint32Array, w: number, hash: number, bytes: Uint8Array, base: number, part: Part): void {
    const offset = base + 4 * w;
    const place = (part.id + Math.imul(offset - part.start, 0x9e3779b1)) >>> 0;
    const word = words[w]!;
    if (
      word === (word & 0xff) * 0x01010101 &&
      words[w + 1] === word &&
      words[w + 2] === word &&
      words[w + 3] === word
    ) {
      const block = { bytes, base, at: 4 * w, length: BLOCK_LENGTH };
      this.#findings.add("degenerate", block, `these ${BLOCK_LENGTH} bytes are one byte repeated`);
    }
    const before = this.#memory.meet(words, w, hash, this.#object, offset, place);
    if (before && (before.object === this.#object || before.place !== place))
      this.#reportBlock(bytes, base, 4 * w, before.object, before.offset);
  }

  #reportBlock(bytes: Uint8Array, base: number, at: number, object: number, offset: number): void {
    if (!this.#findings.count("repeated-block")) return;
    const where = object === this.#object ? "" : ` of object ${object + 1} before this one`;
    const reason = `these ${BLOCK_LENGTH} bytes stand at byte ${offset}${where} too`;
    this.#findings.keep("repeated-block", { bytes, base, at, length: BLOCK_LENGTH }, reason);
  }

  /** Counts a window at a time, then the chunk; the tag belongs to the last window. */
  #bytes(bytes: Uint8Array, base: number): void {
    const counts = this.#counts;
    this.#chunkCounts.fill(0);
    for (let start = 0, end = 0; start < bytes.length; start = end) {
      const isLast = bytes.length - start <= WINDOW + TAG_LENGTH;
      end = isLast ? bytes.length : start + WINDOW;
      counts.fill(0);
      for (let i = start; i < end; i++) counts[bytes[i]!]!++;
      this.#judge(counts, { bytes, base, at: start, length: end - start }, ++this.#window);
      addTo(this.#chunkCounts, counts);
    }
    if (bytes.length > WINDOW + TAG_LENGTH)
      this.#judge(this.#chunkCounts, { bytes, base, at: 0, length: bytes.length }, this.#chunk);
    addTo(this.#objectCounts, this.#chunkCounts);
    this.#total += bytes.length;
  }

  #judge(counts: ArrayLike<number>, place: Place, k: number): void {
    const fault = countsFault(counts, place.length, k);
    if (fault !== undefined) this.#findings.add("statistics", place, fault);
  }

  #periods(bytes: Uint8Array, base: number): void {
    const previous = this.#previous;
    const span = Math.min(bytes.length, PERIOD_SPAN);
    if (this.#hasPrevious) {
      let equal = 0;
      for (let i = 0; i < span; i++) if (bytes[i] === previous[i]) equal++;
      const limit = binomialLimit(span, this.#chunk);
      if (equal >= limit) {
        const reason = `${equal} of ${span} bytes equal those ${SEALED_CHUNK} before them, fewer than ${limit} are chance: one key stream twice?`;
        this.#findings.add("periodic", { bytes, base, at: 0, length: span }, reason);
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
      this.#findings.add("periodic", { bytes, base, at: 0, length: span }, reason);
      return;
    }
  }
}

/** Odd lengths come from last chunks only, and few of them are remembered. */
const binomialLimit = /* @__PURE__ */ perOctave((trials, spent) => binomialThreshold(trials, 1 / 256, spent));
const wordLimit = /* @__PURE__ */ perOctave((words, spent) =>
  words === 0 ? 1 : rareThreshold(words, WORD_MEMORY / 2 ** 32, spent),
);

function addTo(sum: Float64Array, counts: ArrayLike<number>): void {
  for (let byte = 0; byte < sum.length; byte++) sum[byte]! += counts[byte]!;
}
