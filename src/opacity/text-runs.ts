import { octave, runThreshold, spend } from "./false-alarm.js";
import type { FindingList } from "./findings.js";

/** Tab, line feed, carriage return, and the printable characters. */
const PRINTABLE_COUNT = 98;
const PRINTABLE = /* @__PURE__ */ Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127) ? 1 : 0,
);
const P = PRINTABLE_COUNT / 256;

/** The beginning of a JSON object: `{"name":`, of which four characters are fixed. */
const JSON_START = /\{"\w{1,40}":/;
const JSON_FIXED = 4;
/** Every run that counts is as long as two steps, so it covers a place where the search looks. */
const STEP = 12;
const SHORTEST = 2 * STEP;

interface RunLimits {
  readonly ascii: number;
  readonly json: number;
  readonly utf16: number;
}

const limits = new Map<number, RunLimits>();

/** For runs that start at byte `k` of the object's sealed bytes, from 1. */
function limitsAt(k: number): RunLimits {
  const key = octave(k);
  let found = limits.get(key);
  if (!found) {
    found = {
      ascii: Math.max(SHORTEST, runThreshold(k, P)),
      // P(start at k, total length ≥ m) ≤ m 256^-4 P^(m-4), the name's characters being printable too.
      json: smallest(
        SHORTEST,
        (m) => Math.log(m) - JSON_FIXED * Math.log(256) + (m - JSON_FIXED) * Math.log(P) <= spend(k),
      ),
      utf16: Math.max(SHORTEST / 2, runThreshold(k, P / 256)),
    };
    limits.set(key, found);
  }
  return found;
}

function smallest(from: number, holds: (m: number) => boolean): number {
  let m = from;
  while (!holds(m)) m++;
  return m;
}

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
    const { ascii, json, utf16 } = limitsAt(this.#seen + Math.max(1, bytes.length));
    this.#seen += bytes.length;
    const carried = this.#tailEnd === base ? this.#tail : 0;
    const first = endOfRun(bytes, 0);
    if (carried > 0 && carried + first >= ascii) {
      const what = `${carried + first} printable characters in a row`;
      this.#findings.add("text", what, bytes, base, 0, first);
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
        const what = `${length} printable characters in a row`;
        if (length >= ascii) this.#findings.add("text", what, bytes, base, start, length);
        if (length >= json && isJson(bytes, start, end)) {
          this.#findings.add("json", "the beginning of a JSON object", bytes, base, start, length);
        }
      }
      const pairs = pairsAround(bytes, at);
      if (pairs && pairs.count >= utf16) {
        const length = 2 * pairs.count;
        const what = `${pairs.count} printable characters of UTF-16 in a row`;
        this.#findings.add("text", what, bytes, base, pairs.start, length);
        end = Math.max(end, pairs.start + length);
      }
      at += STEP * Math.max(0, Math.floor((end - at) / STEP) - 1);
    }
    this.#tail = bytes.length - startOfRun(bytes, bytes.length);
    if (this.#tail === bytes.length) this.#tail += carried;
    this.#tailEnd = base + bytes.length;
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
  return JSON_START.test(String.fromCharCode(...bytes.subarray(start, Math.min(end, start + 4096))));
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
