import type { Bytes } from "../../formats/bytes.js";
import { pageRoot } from "../../log/page.js";
import { Peaks, SUBTREE } from "../../log/tree.js";

/**
 * Head of a recording's log: the entries and peaks of the next page and the next manifest. Entries of full pages that a manifest
 * covers are dropped, so memory follows the uncovered ones.
 */
export class LogHead {
  readonly #peaks = new Peaks();
  /** From entry `64 * #peaks.pages` on. */
  readonly #entries: Bytes[] = [];
  #size = 0;

  /** Entries in the log. */
  get size(): number {
    return this.#size;
  }

  /** @returns the entry's place. */
  append(entry: Bytes): number {
    this.#entries.push(entry);
    return this.#size++;
  }

  /** Entries of a full page that no manifest has passed yet. */
  page(number: number): Bytes[] {
    const start = SUBTREE * (number - this.#peaks.pages);
    return this.#entries.slice(start, start + SUBTREE);
  }

  /** Peaks and tail of a manifest (format-v1, "Manifest"). @param size never below that of the call before. */
  at(size: number): { readonly peaks: readonly Bytes[]; readonly tail: readonly Bytes[] } {
    let done = 0;
    for (; SUBTREE * (this.#peaks.pages + 1) <= size; done += SUBTREE) {
      this.#peaks.add(pageRoot(this.#entries.slice(done, done + SUBTREE)));
    }
    if (done > 0) this.#entries.splice(0, done);
    return { peaks: this.#peaks.list(), tail: this.#entries.slice(0, size - SUBTREE * this.#peaks.pages) };
  }
}
