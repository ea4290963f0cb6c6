import { randomBytes } from "node:crypto";
import { readWhole, type Store } from "../store/store.js";
import type { KeyRing } from "./key-ring.js";

const FOLDER = "keys/";

/** The data keys, wrapped in the store that they protect, each under its name. */
export class DataKeys {
  readonly #store: Store;
  readonly #ring: KeyRing;
  readonly #known = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

  constructor(store: Store, ring: KeyRing) {
    this.#store = store;
    this.#ring = ring;
  }

  /** @param length in bytes; a key that is not there is made. Without it that is an error. */
  get(name: string, length?: number): Promise<Uint8Array<ArrayBuffer>> {
    const known = this.#known.get(name);
    if (known) return known;
    const key = this.#load(name, length);
    this.#known.set(name, key);
    key.catch(() => this.#known.delete(name));
    return key;
  }

  async #load(name: string, length: number | undefined): Promise<Uint8Array<ArrayBuffer>> {
    const found = await this.#read(name);
    if (found) return this.#ring.unwrap(found.wrapped, name);
    if (length === undefined) throw new Error(`the data key ${name} is not in the store`);
    const wrapped = await this.#ring.wrap(randomBytes(length), name);
    await this.#store.create(FOLDER + name, [wrapped], { length: wrapped.length });
    // Of two servers that make it at once, one has made it.
    return this.#ring.unwrap((await this.#read(name))!.wrapped, name);
  }

  async #read(name: string) {
    const found = await readWhole(this.#store, FOLDER + name);
    return found && { wrapped: found.bytes, version: found.version };
  }

  /**
   * After a new master key: wraps every data key under it. No object is touched; afterwards the older master keys can go.
   *
   * @returns how many were wrapped anew.
   */
  async rotate(): Promise<number> {
    let count = 0;
    for await (const key of this.#store.list(FOLDER)) {
      const name = key.slice(FOLDER.length);
      const { wrapped, version } = (await this.#read(name))!;
      if (this.#ring.isCurrent(wrapped)) continue;
      const next = await this.#ring.wrap(await this.#ring.unwrap(wrapped, name), name);
      // Another server that does the same was first.
      if (await this.#store.replace(key, version, [next], { length: next.length })) count++;
    }
    return count;
  }
}
