import type * as Zlib from "node:zlib";
import type { FindingList } from "./findings.js";

export type SpanFormat = "gzip" | "zlib" | "deflate";

/** What a span starts with: RFC 1952 §2.3.1; RFC 1950 §2.2, windows of 32 KiB. Bare deflate starts with nothing. */
export const SPAN_STARTS: readonly (readonly [SpanFormat, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ...[0x01, 0x5e, 0x9c, 0xda].map((flags) => ["zlib", [0x78, flags]] as const),
];

/** A span is read as far as it is valid, in steps of growing length. */
const STEPS = [64, 512, 2048, 8192, 16_384] as const;
const LONGEST_SPAN = STEPS[4];
/** Bytes of output that are made for one object in all. */
const MOST_OUTPUT = 2 ** 20;

/**
 * Random bytes that go on as a valid span for so long are stored blocks (one beginning in 2^18), whose output is as long as
 * its input: of 40 million none else reached 600 bytes.
 */
const LONG_ENOUGH = 2048;
const STORED_RATIO = [0.75, 1.25] as const;
/** zlib with its right checksum: random bytes come to an end within 64 bytes once in 2^12, behind them once in 2^18. */
const ENDED_LATE = 64;
/** No random bytes give so much more than they have; what does is not read to its end. */
const MOST_GROWTH = 64;
const SMALL_OUTPUT = 1024;

/**
 * The work of a run of zlib's, in units: its start, and 512 bytes of input. Random bytes need one in 2^15 bytes; with 24
 * and twice that they are out of it with a probability below e^-30, whatever their length.
 */
const FIRST_UNITS = 32;
const BYTES_OF_A_UNIT = 2 ** 14;
const INPUT_OF_A_UNIT = 512;
/** Beginnings that wait for their bytes: among random ones some 20. */
const MOST_WAITING = 1024;

interface Beginning {
  readonly format: SpanFormat;
  readonly offset: number;
}

/** As far as a span is valid. */
interface ValidSpan {
  readonly output: Uint8Array;
  /** Bytes of input that were not all of it. */
  readonly used: number;
  /** With the right checksum, where there is one. */
  readonly isEnded: boolean;
  /** There is more to come out than is looked at. */
  readonly isLarge?: boolean;
}

/** zlib is the runtime's own, and browsers have none: there this check is skipped, and the report says so. */
export function zlibOf(): typeof Zlib | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } };
  return process?.getBuiltinModule?.("node:zlib") as typeof Zlib | undefined;
}

/**
 * Looks for compressed plaintext in an object's bytes as they are stored: gzip and zlib anywhere, bare deflate where
 * plaintext would start. What comes out is searched for canaries. Work grows with the bytes seen, whatever they are.
 */
export class CompressedSpans {
  readonly #zlib = zlibOf();
  readonly #findings: FindingList;
  readonly #searchOutput: (
    output: Uint8Array,
  ) => { readonly reason: string; readonly at: number } | undefined;
  /** The last bytes seen, from `base` on. */
  readonly #bytes = new Uint8Array(this.#zlib ? 4 * LONGEST_SPAN : 0);
  #base = 0;
  #filled = 0;
  #waiting: Beginning[] = [];
  /** Units of work so far. */
  spent = 0;
  #outputLeft = MOST_OUTPUT;
  #isExhausted = false;

  /** @param searchOutput looks for canaries. */
  constructor(
    findings: FindingList,
    searchOutput: (output: Uint8Array) => { readonly reason: string; readonly at: number } | undefined,
  ) {
    this.#findings = findings;
    this.#searchOutput = searchOutput;
  }

  /** A place where a span may begin: in the last bytes that were handed over, or in the next ones. */
  begin(beginning: Beginning): void {
    if (!this.#zlib || this.#isExhausted || beginning.offset < this.#base) return;
    if (this.#waiting.length === MOST_WAITING) this.#exhaust();
    else this.#waiting.push(beginning);
  }

  push(piece: Uint8Array): void {
    if (!this.#zlib) return;
    for (let rest = piece; rest.length > 0; ) {
      if (this.#filled === this.#bytes.length) this.#shift();
      const taken = rest.subarray(0, this.#bytes.length - this.#filled);
      this.#bytes.set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
    }
  }

  finish(): void {
    this.#judgeBefore(Number.POSITIVE_INFINITY);
    if (!this.#isExhausted || this.#findings.has("compressed") || this.#findings.has("canary")) return;
    const reason = "more beginnings of compressed spans than random bytes have";
    this.#findings.add("compressed", { bytes: this.#bytes, base: this.#base, at: 0, length: 0 }, reason);
  }

  /** Keeps what a span that begins in it may need. */
  #shift(): void {
    const dropped = this.#filled - LONGEST_SPAN;
    this.#judgeBefore(this.#base + dropped);
    this.#bytes.copyWithin(0, dropped, this.#filled);
    this.#base += dropped;
    this.#filled = LONGEST_SPAN;
  }

  #judgeBefore(end: number): void {
    const due = this.#waiting.filter(({ offset }) => offset < end);
    this.#waiting = this.#waiting.filter(({ offset }) => offset >= end);
    for (const each of due) if (!this.#isExhausted) this.#judge(each);
  }

  #judge(beginning: Beginning): void {
    const { format, offset } = beginning;
    const at = offset - this.#base;
    const bytes = this.#bytes.subarray(at, Math.min(this.#filled, at + LONGEST_SPAN));
    const span = this.#read(format, bytes);
    if (!span) return;
    const { output, used, isEnded, isLarge } = span;
    const place = { bytes: this.#bytes.subarray(0, this.#filled), base: this.#base, at, length: used };
    const canary = this.#searchOutput(output);
    if (canary) {
      // The context is the output's: the object shows nothing readable there.
      const inside = { bytes: output.subarray(canary.at), base: offset, at: 0, length: 0 };
      this.#findings.add("canary", inside, `${canary.reason} inside a ${format} span`);
      return;
    }
    const isStored = output.length >= STORED_RATIO[0] * used && output.length <= STORED_RATIO[1] * used;
    const isLong = isLarge || (used >= LONG_ENOUGH && !isStored);
    // A span of nothing shows nothing, and random bytes have ended as one.
    const isWhole =
      isEnded && output.length > 0 && (format === "gzip" || (format === "zlib" && used >= ENDED_LATE));
    if (!isLong && !isWhole) return;
    this.#findings.add("compressed", place, `a valid ${format} span: ${output.length} bytes come out of it`);
  }

  /** The longest beginning that is valid. Undefined where not even the first step is. */
  #read(format: SpanFormat, bytes: Uint8Array): ValidSpan | undefined {
    if (!mayBegin(format, bytes)) return undefined;
    let best: ValidSpan | undefined;
    let valid = 0;
    let invalid = bytes.length + 1;
    // gzip refuses what follows its end, so the end is looked for to the byte.
    const precision = format === "gzip" ? 1 : STEPS[0];
    for (let i = 0; invalid - valid > precision && !this.#isExhausted; i++) {
      const isClimbing = invalid > bytes.length;
      if (!isClimbing && !best && format !== "gzip") return undefined;
      const length = isClimbing ? Math.min(STEPS[i] ?? 0, bytes.length) : (valid + invalid) >> 1;
      const next = this.#inflate(format, bytes.subarray(0, length), best);
      if (!next) invalid = length;
      else {
        best = next;
        valid = length;
        if (next.isEnded || next.isLarge || length === LONGEST_SPAN) break;
      }
    }
    if (best && best.output.length > SMALL_OUTPUT) this.#outputLeft -= best.output.length;
    return best;
  }

  /** @param before what is known to be valid, and not the end. */
  #inflate(format: SpanFormat, input: Uint8Array, before: ValidSpan | undefined): ValidSpan | undefined {
    const { length } = input;
    if (!this.#spend(length)) return undefined;
    const { gunzipSync, inflateSync, inflateRawSync, constants } = this.#zlib!;
    const inflate = { gzip: gunzipSync, zlib: inflateSync, deflate: inflateRawSync }[format];
    const maxOutputLength = Math.min(this.#outputLeft, MOST_GROWTH * length);
    try {
      const output = inflate(input, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH });
      const isEnded = isWhole(() => inflate(input, { maxOutputLength }));
      return { output, used: isEnded ? (before?.used ?? 0) : length, isEnded };
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_BUFFER_TOO_LARGE") return undefined;
      return { output: before?.output ?? new Uint8Array(0), used: length, isEnded: false, isLarge: true };
    }
  }

  #spend(input: number): boolean {
    this.spent += 1 + Math.floor(input / INPUT_OF_A_UNIT);
    const seen = this.#base + this.#filled;
    if (this.spent > FIRST_UNITS + seen / BYTES_OF_A_UNIT || this.#outputLeft <= 0) this.#exhaust();
    return !this.#isExhausted;
  }

  #exhaust(): void {
    this.#isExhausted = true;
    this.#waiting = [];
  }
}

/** What no deflate stream begins with (RFC 1951 §3.2.3 to §3.2.7) need not be tried: most random bytes. */
function mayBegin(format: SpanFormat, bytes: Uint8Array): boolean {
  const at = format === "zlib" ? 2 : 0;
  if (format === "gzip" || bytes.length < at + 8) return true;
  const type = (bytes[at]! >> 1) & 3;
  if (type === 0)
    return (bytes[at + 1]! ^ bytes[at + 3]!) === 0xff && (bytes[at + 2]! ^ bytes[at + 4]!) === 0xff;
  if (type !== 2) return type === 1;
  const bit = (i: number) => (bytes[at + (i >> 3)]! >> (i & 7)) & 1;
  const number = (from: number, bits: number) => {
    let value = 0;
    for (let i = 0; i < bits; i++) value |= bit(from + i) << i;
    return value;
  };
  if (number(3, 5) > 29 || number(8, 5) > 29) return false;
  // The code length code is complete, as far as eight bytes tell.
  let room = 128;
  const codes = number(13, 4) + 4;
  for (let i = 0; i < codes && 17 + 3 * i + 3 <= 8 * 8; i++) {
    const length = number(17 + 3 * i, 3);
    if (length > 0) room -= 128 >> length;
  }
  return codes > 15 ? room >= 0 : room === 0;
}

function isWhole(inflate: () => unknown): boolean {
  try {
    inflate();
    return true;
  } catch {
    return false;
  }
}
