import { limitExceeded, truncated, wrongType } from "../errors.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import { type ByteSource, claimedSize, type ReadOptions, readExactly } from "../source/byte-source.js";
import { LONGEST_TIMER, type RetryOptions, retryArgument, retrying, timed } from "./retry.js";
import type { ByteRange } from "./verdict.js";

/** Options of a lookup of a stored object. */
export interface LookupOptions extends ReadOptions {
  /** The first range to be read, in bytes: a request that finds the object can bring it. */
  readonly first?: ByteRange;
}

/**
 * Finds a recording's stored objects by their customary names: `httpObjects(base)`, or the reviewer's own. `null` means that
 * there is no such object; any failure must be thrown, or loss would be reported where there is none. Objects are treated as
 * hostile until checked.
 */
export type ObjectLookup = (name: string, options: LookupOptions) => MaybePromise<ByteSource | null>;

/** Names of the stored objects that start with `prefix`; others are passed over. */
export type ObjectListing = (
  prefix: string,
  options: ReadOptions,
) => MaybePromise<Iterable<string> | AsyncIterable<string>>;

/** Names of a listing, and characters of a name: far above the needs of any recording. */
const MAX_NAMES = 2 ** 20;
const LONGEST_NAME = 200;

/** A recording's stored objects. Every request has a time limit, and is repeated where it was not answered. */
export class Store {
  readonly #objects: ObjectLookup;
  readonly #list: ObjectListing | undefined;
  readonly #retry: Required<RetryOptions>;
  /** Objects found and bytes read so far. */
  readonly seen = { objects: 0, bytes: 0 };

  constructor(
    objects: ObjectLookup,
    list?: ObjectListing,
    retry: Required<RetryOptions> = retryArgument("retry", undefined),
  ) {
    this.#objects = objects;
    this.#list = list;
    this.#retry = retry;
  }

  get isListed(): boolean {
    return this.#list !== undefined;
  }

  /** @returns null where there is no such object. @throws BlindreelError `source-failed`, `source-changed`; `signal.reason`. */
  async open(name: string, first: ByteRange, options: ReadOptions): Promise<StoredObject | null> {
    const source = await retrying(this.#retry, options, async (signal) => {
      const found = (async () => this.#objects(name, { signal, first }))();
      // One that comes after the time limit has no user.
      found.then((late) => signal.aborted && late?.close?.()).catch(() => {});
      return found;
    });
    if (source !== null && typeof source?.read !== "function")
      throw wrongType("what the lookup of an object returns", "a ByteSource or null", source);
    if (source) this.seen.objects++;
    return source && new StoredObject(source, name, this.#retry, this.seen);
  }

  /** Opens an object for `action` alone. @returns null for one that is missing. @throws BlindreelError as {@link open}. */
  async use<T>(
    name: string,
    first: ByteRange,
    options: ReadOptions,
    action: (object: StoredObject) => Promise<T>,
  ): Promise<T | null> {
    const object = await this.open(name, first, options);
    if (!object) return null;
    try {
      return await action(object);
    } finally {
      await object.close();
    }
  }

  /**
   * A whole object of unknown length, or null.
   *
   * @throws BlindreelError `limit-exceeded` above `limit` bytes, before anything is allocated for it; and as {@link open}.
   */
  whole(name: string, limit: number, options: ReadOptions): Promise<Bytes | null> {
    return this.use(name, { start: 0, end: limit }, options, async (object) => {
      const size = await object.size(options);
      if (size > limit) throw limitExceeded(`the object ${name}`, limit, size);
      return object.read(0, size, options);
    });
  }

  /** The first `length` bytes of an object. @throws BlindreelError `truncated`, also for a missing one; and as {@link open}. */
  async read(name: string, length: number, options: ReadOptions): Promise<Bytes> {
    const range = { start: 0, end: length };
    const bytes = await this.use(name, range, options, (object) => object.read(0, length, options));
    if (!bytes) throw missingObject(name);
    return bytes;
  }

  /** Undefined where there is no listing. @throws BlindreelError `limit-exceeded`, `source-failed`; `signal.reason`. */
  async names(prefix: string, { signal }: ReadOptions): Promise<string[] | undefined> {
    const list = this.#list;
    if (!list) return undefined;
    return retrying({ ...this.#retry, timeout: LONGEST_TIMER }, signal ? { signal } : {}, async (inner) => {
      const step = <T>(action: (signal: AbortSignal) => Promise<T>) =>
        timed(this.#retry.timeout, inner, action);
      const listing = await step(async (each) => list(prefix, { signal: each }));
      const names: string[] = [];
      const add = (name: unknown): void => {
        if (typeof name !== "string") throw wrongType("every name of the listing", "a string", name);
        if (name.length > LONGEST_NAME)
          throw limitExceeded("a name in the listing", LONGEST_NAME, name.length);
        if (names.length === MAX_NAMES) throw limitExceeded("the listing", MAX_NAMES, MAX_NAMES + 1);
        names.push(name);
      };
      const isSync = Symbol.iterator in listing;
      const iterator = isSync ? listing[Symbol.iterator]() : listing[Symbol.asyncIterator]();
      const next = async () => (isSync ? iterator.next() : step(async () => iterator.next()));
      try {
        for (let item = await next(); !item.done; item = await next()) add(item.value);
      } catch (error) {
        // Not awaited: it may be as silent as the step that failed.
        Promise.resolve(iterator.return?.()).catch(() => {});
        throw error;
      }
      return names;
    });
  }
}

export class StoredObject {
  readonly #source: ByteSource;
  readonly #retry: Required<RetryOptions>;
  readonly #seen: { bytes: number };
  readonly name: string;

  constructor(source: ByteSource, name: string, retry: Required<RetryOptions>, seen: { bytes: number }) {
    this.#source = source;
    this.name = name;
    this.#retry = retry;
    this.#seen = seen;
  }

  /** The claimed length. */
  size(options: ReadOptions): Promise<number> {
    return retrying(this.#retry, options, (signal) => claimedSize(this.#source, { signal }));
  }

  /**
   * Reads a listed range. A range past the end is one error, whatever the source's.
   *
   * @throws BlindreelError `truncated` with the object's end; `source-failed`, `source-changed`.
   */
  async read(start: number, end: number, options: ReadOptions): Promise<Bytes> {
    try {
      const bytes = await retrying(this.#retry, options, (signal) =>
        readExactly(this.#source, start, end, { signal }),
      );
      this.#seen.bytes += bytes.length;
      return bytes;
    } catch (error) {
      if ((error as { code?: unknown } | null)?.code !== "out-of-range") throw error;
      throw truncated(`the object ${this.name}`, await this.size(options));
    }
  }

  async close(): Promise<void> {
    await this.#source.close?.();
  }
}

export function missingObject(name: string) {
  return truncated(`the object ${name}, which is not there,`, 0);
}
