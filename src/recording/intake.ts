import { BlindreelError } from "../errors.js";
import { Copies } from "./blocks.js";

/** Unsealed content of all tracks: its length in bytes, and the copies of it. */
export class Intake {
  readonly copies = new Copies();
  readonly #ceiling: number;
  #bytes = 0;

  /** @param ceiling in bytes; a larger piece is taken where nothing waits. */
  constructor(ceiling: number) {
    this.#ceiling = ceiling;
  }

  /** @throws BlindreelError `queue-full`. */
  check(size: number): void {
    if (this.#bytes === 0 || this.#bytes + size <= this.#ceiling) return;
    const message = `${this.#bytes} bytes wait to be sealed and stored; with ${size} more they exceed ${this.#ceiling}`;
    throw new BlindreelError("queue-full", message, { limit: this.#ceiling });
  }

  add(size: number): void {
    this.#bytes += size;
  }

  remove(size: number): void {
    this.#bytes -= size;
  }
}
