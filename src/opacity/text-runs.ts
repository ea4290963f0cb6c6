import { perOctave, runThreshold } from "./false-alarm.js";
import type { FindingList, Place } from "./findings.js";

/** Tab, line feed, carriage return, and the printable characters. */
const PRINTABLE_COUNT = 98;
const PRINTABLE = /* @__PURE__ */ Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127) ? 1 : 0,
);
const P = PRINTABLE_COUNT / 256;

/** The beginning of a JSON object: `{"name":`, of which four characters are fixed. */
const JSON_START = /\{"\w{1,40}":/;
const JSON_FIXED = 4;
/** So near the beginning of a run. */
const LONGEST_SEARCHED = 256;
/** Every run that counts is as long as two steps, so it covers a place where the search looks. */
const STEP = 12;
const SHORTEST = 2 * STEP;

/** For runs that start at byte k of the object's sealed bytes, from 1. */
const limitsOf = /* @__PURE__ */ perOctave((_size, spent) => {
  // P(start at k, total length ≥ m) ≤ m 256^-4 P^(m-4), the name's characters being printable too.
  let json = SHORTEST;
  while (Math.log(json) - JSON_FIXED * Math.log(256) + (json - JSON_FIXED) * Math.log(P) > spent) json++;
  const ascii = Math.max(SHORTEST, runThreshold(P, spent));
  return { ascii, json, utf16: Math.max(SHORTEST / 2, runThreshold(P / 256, spent)) };
});

/** Finds readable text in sealed bytes that come window by window, also where it crosses from one into the next. */
export class TextRuns {
  readonly #findings: FindingList;
  #seen = 0;
  /** Printable bytes at the end of the last window, and where that ended. */
  #tail = 0;
  #tailEnd = -1;

  constructor(findings: FindingList) {
    this.#findings = findings;
  }

  window(bytes: Uint8Array, base: number): void {
    const { ascii, json, utf16 } = limitsOf(0, this.#seen + Math.max(1, bytes.length));
    this.#seen += bytes.length;
    const carried = this.#tailEnd === base ? this.#tail : 0;
    const first = endOfRun(bytes, 0);
    if (carried > 0 && carried + first >= ascii) {
      this.#report({ bytes, base, at: 0, length: first }, carried + first);
    }
    for (let at = STEP; at < bytes.length; at += STEP) {
      let end = at;
      // A run of twelve around here goes on for five bytes before or six behind.
      if (
        PRINTABLE[bytes[at]!] === 1 &&
        (PRINTABLE[bytes[at - 5]!] === 1 || PRINTABLE[bytes[at + 6]!] === 1)
      ) {
        const start = startOfRun(bytes, at);
        end = endOfRun(bytes, at);
        const length = end - start;
        const place = { bytes, base, at: start, length };
        if (length >= ascii) this.#report(place, length);
        if (length >= json && isJson(bytes, start, end))
          this.#findings.add("json", place, "the beginning of a JSON object");
      }
      const pairs = pairsAround(bytes, at);
      if (pairs && pairs.count >= utf16) {
        const length = 2 * pairs.count;
        this.#report({ bytes, base, at: pairs.start, length }, pairs.count, " of UTF-16");
        end = Math.max(end, pairs.start + length);
      }
      at += STEP * Math.max(0, Math.floor((end - at) / STEP) - 1);
    }
    this.#tail = bytes.length - startOfRun(bytes, bytes.length);
    if (this.#tail === bytes.length) this.#tail += carried;
    this.#tailEnd = base + bytes.length;
  }

  #report(place: Place, count: number, what = ""): void {
    if (this.#findings.count("text"))
      this.#findings.keep("text", place, `${count} printable characters${what} in a row`);
  }
}

/** Where the run that ends before `end` starts. */
function startOfRun(bytes: Uint8Array, end: number): number {
  let start = end;
  while (start > 0 && PRINTABLE[bytes[start - 1]!] === 1) start--;
  return start;
}

function endOfRun(bytes: Uint8Array, start: number): number {
  let end = start;
  while (end < bytes.length && PRINTABLE[bytes[end]!] === 1) end++;
  return end;
}

function isJson(bytes: Uint8Array, start: number, end: number): boolean {
  const from = bytes.subarray(start, Math.min(end, start + LONGEST_SEARCHED)).indexOf(0x7b);
  if (from < 0) return false;
  return JSON_START.test(
    String.fromCharCode(...bytes.subarray(start + from, start + from + LONGEST_SEARCHED)),
  );
}

/** Whether a printable byte and a zero stand at `i` and `i + 1`, the zero at `i + zeroAt`. */
function isPair(bytes: Uint8Array, i: number, zeroAt: 0 | 1): boolean {
  return bytes[i + zeroAt] === 0 && PRINTABLE[bytes[i + 1 - zeroAt]!] === 1;
}

/** The run of printable bytes and zeros in turn around `at`. */
function pairsAround(
  bytes: Uint8Array,
  at: number,
): { readonly start: number; readonly count: number } | undefined {
  // Rare in random bytes, and this runs for one in twelve of them.
  if (bytes[at] !== 0 && bytes[at - 1] !== 0) return undefined;
  for (const zeroAt of [0, 1] as const) {
    for (const first of [at, at - 1]) {
      if (!isPair(bytes, first, zeroAt)) continue;
      let start = first;
      while (isPair(bytes, start - 2, zeroAt)) start -= 2;
      let end = first + 2;
      while (isPair(bytes, end, zeroAt)) end += 2;
      return { start, count: (end - start) / 2 };
    }
  }
  return undefined;
}
