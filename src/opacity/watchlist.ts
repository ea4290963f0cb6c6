import { outOfRange } from "../errors.js";
import { type Bytes, compareBytes } from "../formats/bytes.js";
import { addCanary, type Canary, type CanaryPattern, canaryBytes } from "./canaries.js";
import { SPAN_STARTS, type SpanFormat } from "./compressed-spans.js";
import type { FindingList, Place } from "./findings.js";
import { Automaton, type Pattern, PatternGraph } from "./pattern-graph.js";
import { type Mark, marks } from "./signatures.js";

interface MarkPattern extends Pattern, Mark {}

interface SpanPattern extends Pattern {
  readonly span: SpanFormat;
  readonly length: number;
}

/** Everything that is looked for byte by byte: canaries in all their forms, marks of other formats, compressed spans. */
export class Watchlist {
  readonly #patterns: readonly (CanaryPattern | MarkPattern | SpanPattern)[];
  readonly #automaton: Automaton;

  constructor(canaries: readonly Canary[], bytes: readonly Bytes[]) {
    const graph = new PatternGraph();
    const exact = (sequence: Iterable<number>): Pattern => {
      const [start, end] = [graph.node(), graph.node()];
      graph.path(
        start,
        Array.from(sequence, (byte) => [byte]),
        end,
      );
      return { start, ends: [end] };
    };
    this.#patterns = [
      ...canaries.flatMap((canary, i) =>
        addCanary(graph, i, bytes[i]!, typeof canary === "string" ? canary : undefined),
      ),
      ...marks().map((mark) => ({ ...mark, ...exact(mark.bytes) })),
      ...SPAN_STARTS.map(([span, start]) => ({ ...exact(start), span, length: start.length })),
    ];
    this.#automaton = new Automaton(graph, this.#patterns, () =>
      outOfRange("canaries", "fewer, or shorter", `${canaries.length}`),
    );
  }

  /** Over an object's bytes as they come. */
  search(findings: FindingList, onSpan: (format: SpanFormat, offset: number) => void): PieceSearch {
    return new PieceSearch(this.#automaton, (pattern, end, placeOf) => {
      const found = this.#patterns[pattern]!;
      if ("span" in found) {
        onSpan(found.span, end - found.length);
        return;
      }
      const check = "name" in found ? "signature" : "canary";
      if (!findings.count(check)) return;
      const place = placeOf(pattern, end);
      const bytes = place.bytes.subarray(place.at, place.at + place.length);
      findings.keep(check, place, "name" in found ? `the mark of ${found.name}` : canaryReason(found, bytes));
    });
  }

  /** Over what came out of a compressed span. @returns whether a canary was in it, as a reason. */
  searchOutput(output: Uint8Array): { readonly reason: string; readonly at: number } | undefined {
    let first: { readonly reason: string; readonly at: number } | undefined;
    this.#automaton.run(0, output, (pattern, end) => {
      const found = this.#patterns[pattern]!;
      if (first || !("canary" in found)) return;
      const at = Math.max(0, this.#automaton.startOf(pattern, output.subarray(0, end), end));
      first = { reason: canaryReason(found, output.subarray(at, end)), at };
    });
    return first;
  }
}

function canaryReason({ canary, form, plain }: CanaryPattern, bytes: Uint8Array): string {
  return `canary ${canary + 1} ${compareBytes(bytes, plain) === 0 ? "as it is" : form}`;
}

/** Longest that a match can be, in bytes: 48 characters, JSON-escaped. */
const LONGEST_MATCH = 1024;
const CONTEXT_BEHIND = 64;

/** @param end offset in the object behind the last byte. @param placeOf looks for the beginning. */
type OnMatch = (pattern: number, end: number, placeOf: (pattern: number, end: number) => Place) => void;

/** A search over pieces: a state is all that it carries from one to the next. */
export class PieceSearch {
  readonly #automaton: Automaton;
  readonly #onMatch: OnMatch;
  #state = 0;
  #offset = 0;
  /** The last bytes of the pieces before, for what began there. */
  #tail: Uint8Array = new Uint8Array(0);

  constructor(automaton: Automaton, onMatch: OnMatch) {
    this.#automaton = automaton;
    this.#onMatch = onMatch;
  }

  push(piece: Uint8Array): void {
    const placeOf = (pattern: number, end: number) => this.#place(pattern, piece, end - this.#offset);
    this.#state = this.#automaton.run(this.#state, piece, (pattern, end) =>
      this.#onMatch(pattern, this.#offset + end, placeOf),
    );
    this.#offset += piece.length;
    const kept = piece.subarray(-LONGEST_MATCH);
    this.#tail =
      kept.length === LONGEST_MATCH ? kept.slice() : joined(this.#tail, kept).slice(-LONGEST_MATCH);
  }

  #place(pattern: number, piece: Uint8Array, end: number): Place {
    const from = Math.max(0, end - LONGEST_MATCH);
    const tail = from === 0 ? this.#tail : new Uint8Array(0);
    const bytes = joined(tail, piece.subarray(from, end + CONTEXT_BEHIND));
    const before = end - from + tail.length;
    const at = Math.max(0, this.#automaton.startOf(pattern, bytes, before));
    return { bytes, base: this.#offset + end - before, at, length: before - at };
  }
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(left.length + right.length);
  bytes.set(left);
  bytes.set(right, left.length);
  return bytes;
}

/** The last list, which tests use again and again: it takes longer to make than a small object takes to audit. */
let last:
  | { readonly canaries: readonly Canary[]; readonly bytes: readonly Bytes[]; readonly list: Watchlist }
  | undefined;

/** @throws RangeError, TypeError for canaries. */
export function watchlistFor(canaries: readonly Canary[]): Watchlist {
  const bytes = canaryBytes(canaries);
  const isSame =
    last?.bytes.length === bytes.length &&
    bytes.every(
      (each, i) =>
        compareBytes(each, last!.bytes[i]!) === 0 && typeof canaries[i] === typeof last!.canaries[i],
    );
  if (!isSame) last = { canaries: [...canaries], bytes, list: new Watchlist(canaries, bytes) };
  return last!.list;
}
