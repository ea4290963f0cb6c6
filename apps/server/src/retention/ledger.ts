import { createHash } from "node:crypto";
import { type Deletion, EMPTY_LEDGER, type LedgerHead, ledgerLine } from "blindreel/server";
import { readWhole, type Store } from "../store/store.js";

/** The ledger of deletions in a store: an object for each line, named by its number, without gaps. */
export class Ledger {
  readonly #store: Store;
  #head = EMPTY_LEDGER;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Lines from a number on. */
  async *lines(from = 0): AsyncGenerator<string> {
    for (let number = from; ; number++) {
      const line = await this.#line(number);
      if (line === undefined) return;
      yield line;
    }
  }

  /** The head, looked for from the one that was known. */
  async head(): Promise<LedgerHead> {
    const { size } = this.#head;
    let [there, absent] = [size, size + 1];
    while (await this.#has(absent - 1)) [there, absent] = [absent, size + 2 * (absent - size)];
    while (absent - there > 1) {
      const middle = Math.floor((there + absent) / 2);
      if (await this.#has(middle - 1)) there = middle;
      else absent = middle;
    }
    if (there > size) {
      const last = (await this.#line(there - 1))!;
      this.#head = { size: there, hash: createHash("sha256").update(last).digest("hex") };
    }
    return this.#head;
  }

  /**
   * Writes a deletion down, once: of servers that do so at the same time, and of a store whose answer is lost, one line remains.
   *
   * @param from the ledger's size when the deletion began. @returns false where a line from there on names its recording or paper.
   */
  async append(deletion: Deletion, from: number): Promise<boolean> {
    for (;;) {
      const known = await this.head();
      if (await this.#names(deletion, from, known.size)) return false;
      const { line, head } = await ledgerLine(known, deletion);
      const bytes = Buffer.from(line);
      const isMade = await this.#store.create(keyOf(head.size - 1), [bytes], { length: bytes.length });
      // Another server may have written that number, or this one, whose answer was lost.
      if (!isMade) continue;
      this.#head = head;
      return true;
    }
  }

  async #names(deletion: Deletion, from: number, to: number): Promise<boolean> {
    for (let number = from; number < to; number++) {
      const { recording, paper } = JSON.parse((await this.#line(number))!);
      if (recording === deletion.recordingId && paper === deletion.paper) return true;
    }
    return false;
  }

  async #has(number: number): Promise<boolean> {
    const object = await this.#store.open(keyOf(number));
    await object?.close();
    return object !== undefined;
  }

  async #line(number: number): Promise<string | undefined> {
    const found = await readWhole(this.#store, keyOf(number));
    return found && Buffer.from(found.bytes).toString();
  }
}

const keyOf = (number: number): string => `ledger/${number.toString().padStart(12, "0")}`;
