import { inflate } from "./deflate.js";
import type { FindingList } from "./findings.js";

/** Bytes of compressed input that are looked at from where a span starts. */
const LONGEST_SPAN = 64 * 1024;
/** Bytes of output made for one object in all. */
const MOST_OUTPUT = 2 ** 20;
/** Shorter output of a raw span proves nothing. */
const SHORTEST_OUTPUT = 256;
/** Spans that go on into the next windows, at one time. */
const MOST_OPEN = 4;

type SpanFormat = "gzip" | "zlib" | "deflate";

interface OpenSpan {
  readonly format: SpanFormat;
  readonly offset: number;
  readonly skip: number;
  readonly isAtStart: boolean;
  readonly bytes: Uint8Array;
  filled: number;
}

/**
 * Looks for compressed plaintext: gzip (RFC 1952) and zlib (RFC 1950) anywhere, bare deflate where plaintext would
 * start. What comes out is searched for canaries.
 */
export class CompressedSpans {
  readonly #findings: FindingList;
  readonly #searchOutput: (output: Uint8Array, what: string, offset: number) => boolean;
  #outputLeft = MOST_OUTPUT;
  #open: OpenSpan[] = [];

  /** @param searchOutput looks for canaries, reports them, and says whether there were any. */
  constructor(
    findings: FindingList,
    searchOutput: (output: Uint8Array, what: string, offset: number) => boolean,
  ) {
    this.#findings = findings;
    this.#searchOutput = searchOutput;
  }

  /** @param base where `bytes` start in the object: a field, or a chunk. They follow the last window's. */
  window(bytes: Uint8Array, base: number): void {
    for (const span of this.#open) {
      const taken = bytes.subarray(0, LONGEST_SPAN - span.filled);
      span.bytes.set(taken, span.filled);
      span.filled += taken.length;
    }
    const full = this.#open.filter(({ filled }) => filled === LONGEST_SPAN);
    if (full.length > 0) {
      this.#open = this.#open.filter((span) => !full.includes(span));
      for (const span of full) this.#judge(span, span.bytes);
    }
    this.#try("deflate", bytes, base, 0, 0, true);
    for (let at = bytes.indexOf(0x78); at >= 0; at = bytes.indexOf(0x78, at + 1)) {
      const flags = bytes[at + 1];
      if (flags === 0x01 || flags === 0x5e || flags === 0x9c || flags === 0xda) {
        this.#try("zlib", bytes, base, at, 2, at === 0);
      }
    }
    for (let at = bytes.indexOf(0x1f); at >= 0; at = bytes.indexOf(0x1f, at + 1)) {
      if (bytes[at + 1] !== 0x8b || bytes[at + 2] !== 8) continue;
      const skip = gzipHeaderLength(bytes, at);
      if (skip !== undefined) this.#try("gzip", bytes, base, at, skip, at === 0);
    }
  }

  finish(): void {
    for (const span of this.#open) this.#judge(span, span.bytes.subarray(0, span.filled));
    this.#open = [];
  }

  #try(
    format: SpanFormat,
    bytes: Uint8Array,
    base: number,
    at: number,
    skip: number,
    isAtStart: boolean,
  ): void {
    if (this.#outputLeft === 0) return;
    const input = bytes.subarray(at);
    const { state, output } = inflate(input.subarray(skip), Math.min(SHORTEST_OUTPUT, this.#outputLeft));
    if (state === "invalid" && output.length < SHORTEST_OUTPUT) return;
    const span = { format, offset: base + at, skip, isAtStart };
    if (state === "end" || this.#open.length === MOST_OPEN) {
      this.#judge(span, input);
      return;
    }
    const kept = new Uint8Array(LONGEST_SPAN);
    kept.set(input.subarray(0, LONGEST_SPAN));
    this.#open.push({ ...span, bytes: kept, filled: Math.min(input.length, LONGEST_SPAN) });
  }

  #judge({ format, offset, skip, isAtStart }: Omit<OpenSpan, "bytes" | "filled">, bytes: Uint8Array): void {
    const { state, output, used } = inflate(bytes.subarray(skip), this.#outputLeft);
    this.#outputLeft -= output.length;
    if (this.#searchOutput(output, `inside a ${format} span`, offset)) return;
    // No random bytes decode for so long: every reference must point into what came before it.
    const isWhole = output.length >= LONGEST_SPAN || (state === "more" && used >= LONGEST_SPAN / 2);
    const isChecked = state === "end" && isChecksumRight(format, output, bytes.subarray(skip + used));
    const isEnough = format === "gzip" || (isAtStart && output.length >= SHORTEST_OUTPUT);
    if (!isWhole && !(isChecked && isEnough)) return;
    const reason = `a valid ${format} span: ${output.length} bytes come out of it`;
    this.#findings.add("compressed", reason, bytes, offset, 0, Math.min(bytes.length, skip + used));
  }
}

/** RFC 1952 §2.3: with an optional name or comment, which end in a zero. Undefined for what no gzip writes. */
function gzipHeaderLength(bytes: Uint8Array, at: number): number | undefined {
  const flags = bytes[at + 3];
  if (flags === undefined || (flags & 0xe0) !== 0) return undefined;
  let length = 10;
  if (flags & 4) length += 2 + (bytes[at + length] ?? 0) + 256 * (bytes[at + length + 1] ?? 0);
  for (const field of [8, 16]) {
    if (!(flags & field)) continue;
    const end = bytes.indexOf(0, at + length);
    if (end < 0) return undefined;
    length = end + 1 - at;
  }
  if (flags & 2) length += 2;
  return at + length < bytes.length ? length : undefined;
}

/** gzip: CRC-32 and length; zlib: Adler-32. Bare deflate has none, and is never taken for proof. */
function isChecksumRight(format: SpanFormat, output: Uint8Array, trailer: Uint8Array): boolean {
  const length = format === "gzip" ? 8 : 4;
  if (format === "deflate" || trailer.length < length) return false;
  const view = new DataView(trailer.buffer, trailer.byteOffset, length);
  if (format === "zlib") return view.getUint32(0) === adler32(output);
  return view.getUint32(0, true) === crc32(output) && view.getUint32(4, true) === output.length;
}

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 65_536 + a;
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
