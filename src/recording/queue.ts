/**
 * First in, first out, in constant time: `shift` moves all items of a long array.
 */
export class Queue<T> {
  #items: (T | undefined)[] = [];
  #start = 0;
  /** Items put back in front, the latest last. */
  readonly #front: T[] = [];

  get length(): number {
    return this.#front.length + this.#items.length - this.#start;
  }

  /** The next one, which stays. */
  get first(): T | undefined {
    return this.#front.at(-1) ?? this.#items[this.#start];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Puts one before all others. */
  unshift(item: T): void {
    this.#front.push(item);
  }

  shift(): T | undefined {
    if (this.#front.length > 0) return this.#front.pop();
    if (this.#start === this.#items.length) return undefined;
    const item = this.#items[this.#start];
    this.#items[this.#start++] = undefined;
    if (this.#start >= 1024 && 2 * this.#start >= this.#items.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
    return item;
  }

  /** Takes all of them out. */
  clear(): T[] {
    const all = [...this.#front.splice(0).reverse(), ...(this.#items.slice(this.#start) as T[])];
    this.#items = [];
    this.#start = 0;
    return all;
  }
}
