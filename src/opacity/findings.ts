/** Every check by its name; a finding says which one failed. */
export type CheckName =
  /** None of the format's objects, or one that breaks its rules. */
  | "structure"
  /** The mark of a media or document format, a private key's among them. */
  | "signature"
  /** Readable text, as ASCII or UTF-16. */
  | "text"
  | "json"
  /** A valid gzip, zlib or deflate span. */
  | "compressed"
  /** Something that the caller knows to be in the plaintext. */
  | "canary"
  /** Sixteen bytes that were there before. */
  | "repeated-block"
  /** Four-byte words repeat: the bytes could be compressed. */
  | "compressible"
  /** Bytes equal those a fixed distance before: a short key repeated, or one key stream used twice. */
  | "periodic"
  /** Byte, nibble or bit counts that random bytes do not have. */
  | "statistics"
  /** A field of one repeated byte, or a key that no honest sender makes. */
  | "degenerate"
  /** A salt that another stream has. */
  | "reused-salt"
  /** A slot for a key that is not on the caller's list. */
  | "foreign-slot"
  /** A slot of a type that this version does not know: it may hold anything. */
  | "unknown-slot"
  /** A public field that says more than it should. */
  | "public-field"
  /** Two plaintexts of one length gave objects of two lengths. */
  | "length";

/** Why bytes are not opaque, and where. */
export interface OpacityFinding {
  readonly check: CheckName;
  /** In bytes from the object's start. */
  readonly offset: number;
  readonly length: number;
  readonly reason: string;
  /** The bytes in question with some before and after; `contextOffset` is where the first of them stands. */
  readonly context: Uint8Array;
  readonly contextOffset: number;
}

const CONTEXT_BEFORE = 16;
const CONTEXT_LENGTH = 80;
/** More findings than anybody reads; past it only their number counts. */
const MOST_FINDINGS = 64;
/** Findings of one check: the first ones tell, and one check must not crowd out another. */
const MOST_PER_CHECK = 8;

/** Bytes in question: in a buffer that starts at `base` of the object, `length` of them at `at`. */
export interface Place {
  readonly bytes: Uint8Array;
  readonly base: number;
  readonly at: number;
  readonly length: number;
}

/** For findings without bytes to show. */
export function nowhere(offset = 0): Place {
  return { bytes: new Uint8Array(0), base: offset, at: 0, length: 0 };
}

/** Collects what the checks find, with a copy of the bytes in question. */
export class FindingList {
  readonly findings: OpacityFinding[] = [];
  /** All that was found, those left out too. */
  total = 0;
  readonly #perCheck = new Map<CheckName, number>();

  add(check: CheckName, place: Place, reason: string): void {
    if (this.count(check)) this.keep(check, place, reason);
  }

  /** Counts a finding. @returns whether it is to be kept: what finds much is not to describe what nobody reads. */
  count(check: CheckName): boolean {
    this.total++;
    const count = (this.#perCheck.get(check) ?? 0) + 1;
    this.#perCheck.set(check, count);
    return count <= MOST_PER_CHECK && this.findings.length < MOST_FINDINGS;
  }

  /** For what was counted. */
  keep(check: CheckName, { bytes, base, at, length }: Place, reason: string): void {
    const start = Math.max(0, at - CONTEXT_BEFORE);
    this.findings.push({
      check,
      offset: base + at,
      length,
      reason,
      context: bytes.slice(start, start + CONTEXT_LENGTH),
      contextOffset: base + start,
    });
  }

  has(check: CheckName): boolean {
    return this.#perCheck.has(check);
  }
}
