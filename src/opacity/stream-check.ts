import type { AuditMemory } from "./audit-memory.js";
import { binomialThreshold, spend } from "./false-alarm.js";
import type { FindingList } from "./findings.js";

/** What names a ciphertext: its salt, and the header that its key is bound to. */
export interface StreamFields {
  readonly salt: string;
  readonly name: string;
}

/** Fewer bytes tell nothing of a key stream. */
const SHORTEST_BEGINNING = 64;

/**
 * Compares a ciphertext's beginning with those of all before it. A copy, as a second upload or a rewrapped file makes,
 * is none of our business; one salt for two ciphertexts, and bytes that agree where they should not, are.
 */
export function checkStream(
  memory: AuditMemory,
  findings: FindingList,
  object: number,
  { salt, name }: StreamFields,
  chunk: Uint8Array,
  base: number,
): { readonly isCopy: boolean } {
  const same = memory.withSalt(salt);
  if (same) {
    const isCopy =
      same.name === name &&
      equalBytes(same.beginning, chunk) === Math.min(same.beginning.length, chunk.length);
    if (isCopy) return { isCopy };
    const reason = `object ${same.object + 1} before this one has the same salt and other content: one key and nonce twice`;
    findings.add("reused-salt", reason, chunk, base, 0, Math.min(16, chunk.length));
  }
  for (const [i, other] of memory.streams.entries()) {
    const length = Math.min(other.beginning.length, chunk.length);
    if (length < SHORTEST_BEGINNING) continue;
    const equal = equalBytes(other.beginning, chunk);
    if (equal < binomialThreshold(length, 1 / 256, spend(i + 1))) continue;
    const reason = `${equal} of ${length} bytes equal those at the same place of object ${other.object + 1} before this one: one key stream twice?`;
    findings.add("periodic", reason, chunk, base, 0, length);
    break;
  }
  memory.remember({ object, name, salt }, chunk);
  return { isCopy: false };
}

function equalBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  let equal = 0;
  for (let i = 0; i < length; i++) if (left[i] === right[i]) equal++;
  return equal;
}
