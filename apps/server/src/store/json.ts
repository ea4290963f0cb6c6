import { readWhole, type Store } from "./store.js";

/** Small objects of the server's own, as JSON. */

const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** @returns whether it was not there. */
export function createJson(store: Store, key: string, value: unknown): Promise<boolean> {
  const bytes = encode(value);
  return store.create(key, [bytes], { length: bytes.length });
}

export async function readJson<T>(store: Store, key: string): Promise<T | undefined> {
  return (await readVersion<T>(store, key))?.value;
}

/**
 * Compare-and-set until it holds.
 *
 * @param change of the value that is there, to the one that shall be; undefined leaves it. @returns what is there then.
 */
export async function updateJson<T>(
  store: Store,
  key: string,
  change: (value: T | undefined) => T | undefined,
): Promise<T | undefined> {
  for (;;) {
    const found = await readVersion<T>(store, key);
    const next = change(found?.value);
    if (next === undefined) return found?.value;
    const bytes = encode(next);
    const options = { length: bytes.length };
    const isDone = found
      ? await store.replace(key, found.version, [bytes], options)
      : await store.create(key, [bytes], options);
    if (isDone) return next;
  }
}

async function readVersion<T>(store: Store, key: string) {
  const found = await readWhole(store, key);
  return found && { value: JSON.parse(Buffer.from(found.bytes).toString()) as T, version: found.version };
}
