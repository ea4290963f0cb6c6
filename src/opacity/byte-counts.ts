import { bitDeviation, entropyThreshold, perOctave, spend } from "./false-alarm.js";

const BYTE = 256;
const NIBBLE = 16;
const BITS = 8;

/** c ln c, for the counts of a window. */
const LARGEST_TABLED = 16_400;
let tabled: Float64Array | undefined;

function entropyTerm(count: number): number {
  tabled ??= Float64Array.from({ length: LARGEST_TABLED + 1 }, (_, c) => (c === 0 ? 0 : c * Math.log(c)));
  return count <= LARGEST_TABLED ? tabled[count]! : count * Math.log(count);
}

/** n D(p̂ ‖ uniform) in nats. */
function excess(counts: ArrayLike<number>, total: number): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += entropyTerm(counts[i]!);
  return sum - total * Math.log(total / counts.length);
}

const threshold = /* @__PURE__ */ perOctave(entropyThreshold);

const high = new Float64Array(NIBBLE);
const low = new Float64Array(NIBBLE);
const ones = new Float64Array(BITS);

/**
 * Tests the counts of a window's 256 byte values: bytes, nibbles, bits. Text is caught by its nibbles from some 40
 * bytes on, media by its bytes when there is more of it.
 *
 * @param k which window of its series this is, from 1.
 * @returns what is wrong with them, or undefined.
 */
export function countsFault(counts: ArrayLike<number>, total: number, k: number): string | undefined {
  if (total === 0) return undefined;
  high.fill(0);
  low.fill(0);
  ones.fill(0);
  for (let byte = 0; byte < BYTE; byte++) {
    high[byte >> 4]! += counts[byte]!;
    low[byte & 15]! += counts[byte]!;
  }
  for (let nibble = 0; nibble < NIBBLE; nibble++) {
    for (let bit = 0; bit < 4; bit++) {
      if ((nibble >> bit) % 2 === 0) continue;
      ones[bit]! += low[nibble]!;
      ones[4 + bit]! += high[nibble]!;
    }
  }
  return (
    entropyFault("the bytes", counts, total, k) ??
    entropyFault("the high nibbles", high, total, k) ??
    entropyFault("the low nibbles", low, total, k) ??
    bitsFault(total, k)
  );
}

function entropyFault(what: string, counts: ArrayLike<number>, total: number, k: number): string | undefined {
  const limit = threshold(counts.length, k);
  const found = excess(counts, total);
  if (found < limit) return undefined;
  const rounded = `${found.toFixed(0)} nats of relative entropy, ${limit.toFixed(0)} at most are chance`;
  return `${what} of ${total} are not spread as random ones are (${rounded})`;
}

/** Eight tests, so each spends an eighth. */
function bitsFault(total: number, k: number): string | undefined {
  const limit = bitDeviation(total, spend(k) - Math.log(BITS));
  const bit = ones.findIndex((count) => Math.abs(count - total / 2) >= limit);
  if (bit < 0) return undefined;
  return `bit ${bit} is set in ${ones[bit]} of ${total} bytes, where half of them are to be expected`;
}
