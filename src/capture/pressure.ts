import { BlindreelError } from "../errors.js";

/** Bytes that wait to be sealed and stored: above a limit nothing is encoded until half of it is left. */
export class Pressure {
  readonly #limit: number;
  #bytes = 0;
  #isFull = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** @param bytes below 0: they wait no more. @returns an error where it is full with these. */
  add(bytes: number): BlindreelError<"queue-full"> | undefined {
    this.#bytes += bytes;
    const wasFull = this.#isFull;
    this.#isFull = this.#bytes > (wasFull ? this.#limit / 2 : this.#limit);
    if (wasFull || !this.#isFull) return undefined;
    const message = `${this.#bytes} bytes of the capture wait to be sealed and stored`;
    return new BlindreelError("queue-full", message, { limit: this.#limit });
  }
}
