import { limitExceeded, truncated, wrongType } from "../errors.js";
import type { Bytes, MaybePromise } from "../formats/bytes.js";
import { type ByteSource, claimedSize, type ReadOptions, readExactly } from "../source/byte-source.js";
import { LONGEST_TIMER, type RetryOptions, retryArgument, retrying, timed } from "./retry.js";
import type { ByteRange } from "./verdict.js";

/** What a lookup is told besides the name. */
export interface LookupOptions extends ReadOptions {
  /** What will be read first, in bytes: where finding out whether there is an object costs a request, that one can bring it. */
  readonly first?: ByteRange;
}

/**
 * Finds a recording's stored objects by their customary names: `httpObjects(base)`, or the reviewer's own. `null` means that
 * there is no such object; trouble in finding out must be thrown, or loss would be reported where there is none. What it
 * finds is treated as hostile until checked.
 */
export type ObjectLookup = (name: string, options: LookupOptions) => MaybePromise<ByteSource | null>;

/** Names of the stored objects that start with `prefix`; others are passed over. */
export type ObjectListing = (
  prefix: string,
  options: ReadOptions,
) => MaybePromise<Iterable<string> | AsyncIterable<string>>;

/** Names that a listing may have, and characters that a name may have: far above what any recording needs. */
const MAX_NAMES = 2 ** 20;
const MAX_NAME = 200;

/** A recording's store: every question is tried again where it is not answered, and none is waited for without end. */
export class Store {
  readonly #objects: ObjectLookup;
  readonly #list: ObjectListing | undefined;
  readonly #retry: Required<RetryOptions>;
  /** What was looked at so far. */
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
      // One that comes too late is nobody's.
      found.then((late) => signal.aborted && late?.close?.()).catch(() => {});
      return found;
    });
    if (source !== null && typeof source?.read !== "function")
      throw wrongType("what the lookup of an object returns", "a ByteSource or null", source);
    if (source) this.seen.objects++;
    return source && new StoredObject(source, name, this.#retry, this.seen);
  }

  /**
   * A whole object of unknown length.
   *
   * @throws BlindreelError `limit-exceeded` above `limit` bytes, before anything is allocated for it; and as {@link open}.
   */
  async whole(name: string, limit: number, options: ReadOptions): Promise<Bytes | null> {
    const object = await this.open(name, { start: 0, end: limit }, options);
    if (!object) return null;
    try {
      const size = await object.size(options);
      if (size > limit) throw limitExceeded(`the object ${name}`, limit, size);
      return await object.read(0, size, options);
    } finally {
      await object.close();
    }
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
        if (name.length > MAX_NAME) throw limitExceeded("a name in the listing", MAX_NAME, name.length);
        if (names.length === MAX_NAMES) throw limitExceeded("the listing", MAX_NAMES, MAX_NAMES + 1);
        names.push(name);
      };
      if (Symbol.iterator in listing) {
        for (const name of listing) add(name);
        return names;
      }
      const iterator = listing[Symbol.asyncIterator]();
      try {
        for (
          let next = await step(() => iterator.next());
          !next.done;
          next = await step(() => iterator.next())
        )
          add(next.value);
      } catch (error) {
        // Not awaited: it may be as silent as the step that failed.
        Promise.resolve(iterator.return?.()).catch(() => {});
        throw error;
      }
      return names;
    });
  }
}

/** One stored object. */
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

  /** Its length, as is claimed. */
  size(options: ReadOptions): Promise<number> {
    return retrying(this.#retry, options, (signal) => claimedSize(this.#source, { signal }));
  }

  /**
   * Reads a range that should be there. What sources say about a range past their end becomes one error.
   *
   * @throws BlindreelError `truncated` with where the object ends; `source-failed`, `source-changed`.
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

/** What a read of an object that is not there fails with. */
export function missingObject(name: string) {
  return truncated(`the object ${name}, which is not there,`, 0);
}
