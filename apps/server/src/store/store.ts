/**
 * What the server needs of a storage. Keys are parts of letters, digits, `.`, `_` and `-`, with `/` between them. An object is
 * written whole or not at all, and durable when the promise resolves. Methods fail with {@link StoreError}; errors of a body pass
 * through unchanged.
 */
export interface Store {
  /** Stores `body` where there is nothing. @returns false where there is something, durable by then. */
  create(key: string, body: Body, options: WriteOptions): Promise<boolean>;
  /** Compare-and-set. @returns false where the object is gone or of another version. */
  replace(key: string, version: string, body: Body, options: WriteOptions): Promise<boolean>;
  open(key: string): Promise<StoredObject | undefined>;
  /** Keys of objects that start with `prefix`, which is empty or ends with `/`, in the store's order. */
  list(prefix: string): AsyncIterable<string>;
  /** Names of folders at the top, in the store's order. */
  folders(range?: NameRange): AsyncIterable<string>;
  /** No error where there is nothing. */
  remove(key: string): Promise<void>;
  /** @throws StoreError where the store does not answer, Error where it lacks conditional writes. */
  probe(): Promise<void>;
}

/** Names behind `after`, which need not be there, and up to `through`, in the store's order. */
export interface NameRange {
  readonly after?: string | undefined;
  readonly through?: string | undefined;
}

/** Pieces are not written to after they were handed over. */
export type Body = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface WriteOptions {
  /** Of the body, in bytes, exactly. */
  readonly length: number;
}

/** One version of an object: a read never mixes two. */
export interface StoredObject {
  readonly size: number;
  /** Identifies these bytes under this key. */
  readonly version: string;
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  /** The whole object. Ends with `close` too. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/**
 * `full`: no room; `down`: no answer, or none that helps; `gone`: removed or replaced between two reads; `damaged`: not what was
 * written.
 */
export type StoreFault = "full" | "down" | "gone" | "damaged";

export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly fault: StoreFault;

  constructor(fault: StoreFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

const KEY = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/** @throws RangeError for what is no key: no path outside the store can be written as one. */
export function keyParts(key: string): string[] {
  if (key.length > 500 || !KEY.test(key)) throw new RangeError("not a key of the store");
  return key.split("/");
}

/** Passes a body on. @throws RangeError for another length, before a store can take the object for whole. */
export async function* exactly(body: Body, length: number): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const piece of body) {
    seen += piece.length;
    if (seen > length) break;
    yield piece;
  }
  if (seen !== length) throw new RangeError(`a body of ${length} bytes has ${seen > length ? "more" : seen}`);
}

/** @returns whether a probe's second `create` of one key was refused, as it must be. */
export async function observesConditions(store: Store, key: string): Promise<boolean> {
  const options = { length: 1 };
  await store.create(key, [Uint8Array.of(0)], options);
  const isRefused = !(await store.create(key, [Uint8Array.of(0)], options));
  await store.remove(key);
  return isRefused;
}

const TRIES = 20;

/** Repeats what failed because an object was replaced between two reads of it. */
export async function steadily<T>(action: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof StoreError && error.fault === "gone") || tries === TRIES) throw error;
    }
  }
}

/** A small object, in one version. @returns undefined where there is none. */
export function readWhole(
  store: Store,
  key: string,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly version: string } | undefined> {
  return steadily(async () => {
    const object = await store.open(key);
    if (!object) return undefined;
    const { size, version } = object;
    return { bytes: await object.read(0, size).finally(() => object.close()), version };
  });
}
