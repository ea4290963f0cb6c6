import { type Canary, type CanaryPattern, canaryPatterns } from "./canaries.js";
import type { FindingList } from "./findings.js";
import { PatternSearch, PieceSearch } from "./pattern-search.js";
import { marks } from "./signatures.js";

/** Canaries in all their forms, and the marks of other formats: everything that is looked for byte by byte. */
export class Watchlist {
  readonly #canaries: readonly CanaryPattern[];
  readonly #marks = marks();
  readonly #search: PatternSearch;
  readonly #canarySearch: PatternSearch;

  /** @throws RangeError, TypeError as {@link canaryPatterns}. */
  constructor(canaries: readonly Canary[]) {
    this.#canaries = canaryPatterns(canaries);
    const patterns = this.#canaries.map(({ bytes }) => bytes);
    this.#canarySearch = new PatternSearch(patterns);
    this.#search = new PatternSearch([...patterns, ...this.#marks.map(({ bytes }) => bytes)]);
  }

  /** Over an object's bytes as they come. */
  searchPieces(findings: FindingList): PieceSearch {
    return new PieceSearch(this.#search, (pattern, bytes, base, at) => {
      const canary = this.#canaries[pattern];
      if (canary) findings.add("canary", canaryReason(canary, ""), bytes, base, at, canary.bytes.length);
      else {
        const { name, bytes: mark } = this.#marks[pattern - this.#canaries.length]!;
        findings.add("signature", `the mark of ${name}`, bytes, base, at, mark.length);
      }
    });
  }

  /** Over what came out of a compressed span at `offset`. @returns whether a canary was in it. */
  searchOutput(findings: FindingList, output: Uint8Array, where: string, offset: number): boolean {
    let isFound = false;
    this.#canarySearch.search(output, (pattern, at) => {
      if (isFound) return;
      isFound = true;
      // The context is the output's: the object shows nothing readable there.
      findings.add(
        "canary",
        canaryReason(this.#canaries[pattern]!, ` ${where}`),
        output.subarray(at),
        offset,
        0,
        0,
      );
    });
    return isFound;
  }
}

function canaryReason({ canary, form }: CanaryPattern, where: string): string {
  return `canary ${canary + 1} ${form}${where}`;
}
