import { setImmediate } from "node:timers/promises";
import { isBlindreelError } from "blindreel";
import {
  claimedPlaintextLength,
  openRandomAccess,
  openReadable,
  type RandomAccess,
  sealedLength,
  sealReadable,
} from "blindreel/stream";
import {
  type Body,
  exactly,
  keyParts,
  type NameRange,
  type Store,
  type StoredObject,
  StoreError,
  steadily,
  type WriteOptions,
} from "../store/store.js";
import { DataKeys } from "./data-keys.js";
import type { KeyRing } from "./key-ring.js";
import { NAMES_KEY_LENGTH, type Names, sealedNames } from "./names.js";

/** About ten milliseconds. */
const NAMES_AT_ONCE = 200;

const DATA_KEY_LENGTH = 32;
const NAMES_KEY = "names";

/** Of a data key's name, in an object: below the shortest sealed object's length. */
const LONGEST_KEY_NAME = 50;

/** Options of {@link openSealedStore}. */
export interface SealedStoreOptions {
  readonly ring: KeyRing;
  /** Part of the data keys' names. */
  readonly region: string;
  readonly now?: () => Date;
}

export interface SealedStore extends Store {
  /** See {@link DataKeys.rotate}. */
  rotate(): Promise<number>;
}

/**
 * Encryption at rest, over any store: each object is the name of its data key and a Cobblestone-256 message (AES-256-GCM in
 * chunks) bound to the object's name. A data key serves one region and one month. Ranges open the chunks they touch.
 */
export async function openSealedStore(store: Store, options: SealedStoreOptions): Promise<SealedStore> {
  const keys = new DataKeys(store, options.ring);
  const names = sealedNames(await keys.get(NAMES_KEY, NAMES_KEY_LENGTH));
  return new Sealed(store, keys, names, options);
}

class Sealed implements SealedStore {
  readonly #store: Store;
  readonly #keys: DataKeys;
  readonly #names: Names;
  readonly #region: string;
  readonly #now: () => Date;

  constructor(store: Store, keys: DataKeys, names: Names, options: SealedStoreOptions) {
    const { region, now = () => new Date() } = options;
    if (!/^[a-z0-9-]{1,40}$/.test(region)) throw new RangeError("a region is 1 to 40 of a-z, 0-9 and -");
    this.#store = store;
    this.#keys = keys;
    this.#names = names;
    this.#region = region;
    this.#now = now;
  }

  async create(key: string, body: Body, options: WriteOptions): Promise<boolean> {
    const { pieces, length } = await this.#seal(key, body, options);
    return this.#store.create(this.#names.seal(key), pieces, { length });
  }

  async replace(key: string, version: string, body: Body, options: WriteOptions): Promise<boolean> {
    const { pieces, length } = await this.#seal(key, body, options);
    return this.#store.replace(this.#names.seal(key), version, pieces, { length });
  }

  async open(key: string): Promise<StoredObject | undefined> {
    keyParts(key);
    return steadily(() => this.#open(key));
  }

  async #open(key: string): Promise<StoredObject | undefined> {
    const object = await this.#store.open(this.#names.seal(key));
    if (!object) return undefined;
    try {
      const head = await object.read(0, Math.min(object.size, 1 + LONGEST_KEY_NAME));
      const offset = 1 + head[0]!;
      const name = Buffer.from(head.subarray(1, offset)).toString("latin1");
      if (!/^[a-z0-9-]+$/.test(name) || name.length !== head[0]) throw damaged();
      const streamKey = { key: await this.#keys.get(name), context: contextOf(key) };
      return new SealedObject(object, offset, streamKey);
    } catch (error) {
      await object.close();
      throw error;
    }
  }

  async *list(prefix: string): AsyncGenerator<string> {
    const [folder = ""] = prefix === "" ? [] : keyParts(prefix.replace(/\/$/, ""));
    const below = folder === "" ? "" : `${this.#names.sealFolder(folder)}/`;
    let count = 0;
    for await (const sealed of this.#store.list(below)) {
      // Opening a name is work, and there may be a hundred thousand.
      if (++count % NAMES_AT_ONCE === 0) await setImmediate();
      const key = this.#names.open(sealed);
      if (key?.startsWith(prefix)) yield key;
    }
  }

  async *folders({ after, through }: NameRange = {}): AsyncGenerator<string> {
    const sealed = (name: string | undefined) => name && this.#names.sealFolder(name);
    for await (const name of this.#store.folders({ after: sealed(after), through: sealed(through) })) {
      const folder = this.#names.open(name);
      if (folder !== undefined) yield folder;
    }
  }

  async remove(key: string): Promise<void> {
    keyParts(key);
    await this.#store.remove(this.#names.seal(key));
  }

  probe(): Promise<void> {
    return this.#store.probe();
  }

  rotate(): Promise<number> {
    return this.#keys.rotate();
  }

  async #seal(key: string, body: Body, { length }: WriteOptions) {
    keyParts(key);
    const name = `${this.#region}-${this.#now().toISOString().slice(0, 7)}`;
    const streamKey = { key: await this.#keys.get(name, DATA_KEY_LENGTH), context: contextOf(key) };
    const head = Buffer.from(`\0${name}`, "latin1");
    head[0] = name.length;
    async function* pieces() {
      yield head;
      yield* sealReadable(exactly(body, length), streamKey);
    }
    return { pieces: pieces(), length: head.length + sealedLength(length) };
  }
}

const contextOf = (key: string) => new Uint8Array(Buffer.from(`blindreel-server at rest v1 ${key}`));

const damaged = (): StoreError => new StoreError("damaged", "a stored object is not what was written");

class SealedObject implements StoredObject {
  readonly size: number;
  readonly version: string;
  readonly #object: StoredObject;
  readonly #offset: number;
  readonly #streamKey: Parameters<typeof openReadable>[1];
  #access: Promise<RandomAccess> | undefined;

  constructor(object: StoredObject, offset: number, streamKey: Parameters<typeof openReadable>[1]) {
    this.#object = object;
    this.#offset = offset;
    this.#streamKey = streamKey;
    this.version = object.version;
    this.size = claimed(object.size - offset, object.size);
  }

  async read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const { size, read } = { size: this.#object.size, read: this.#object.read.bind(this.#object) };
    this.#access ??= openRandomAccess({ size: async () => size, read }, this.#offset, {
      streamKey: this.#streamKey,
      isPadded: false,
    });
    try {
      return await (await this.#access).read(start, end);
    } catch (error) {
      throw isBlindreelError(error) ? damaged() : error;
    }
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return openReadable(withoutHead(this.#object.stream(), this.#offset), this.#streamKey);
  }

  close(): Promise<void> {
    return this.#object.close();
  }
}

function claimed(length: number, end: number): number {
  try {
    return claimedPlaintextLength(length, end);
  } catch {
    throw damaged();
  }
}

async function* withoutHead(body: AsyncIterable<Uint8Array<ArrayBuffer>>, length: number) {
  let left = length;
  for await (const piece of body) {
    if (left < piece.length) yield left > 0 ? piece.subarray(left) : piece;
    left = Math.max(0, left - piece.length);
  }
}
