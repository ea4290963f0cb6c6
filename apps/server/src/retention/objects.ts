import { coreHashOf } from "blindreel/keyset";
import { envelopeName, inspect } from "blindreel/server";
import { readWhole, type Store } from "../store/store.js";

/** Objects that are removed at the same time: a request to S3 takes some ten milliseconds. */
const AT_ONCE = 16;

export async function countObjects(store: Store, recordingId: string): Promise<number> {
  let count = 0;
  for await (const _key of store.list(`${recordingId}/`)) count++;
  return count;
}

/** @returns how many there were. */
export async function removeObjects(store: Store, recordingId: string): Promise<number> {
  let count = 0;
  let keys: string[] = [];
  const removeAll = (): Promise<unknown> => Promise.all(keys.map((key) => store.remove(key)));
  for await (const key of store.list(`${recordingId}/`)) {
    keys.push(key);
    count++;
    if (keys.length < AT_ONCE) continue;
    await removeAll();
    keys = [];
  }
  await removeAll();
  return count;
}

/** What the stored envelope says. Times in milliseconds since 1970. */
export async function factsOf(store: Store, recordingId: string) {
  const bytes = (await readWhole(store, envelopeName(recordingId)))?.bytes;
  if (!bytes) return undefined;
  const { policy } = inspect(bytes);
  return {
    coreHash: await coreHashOf(bytes),
    // Nothing without an expiry is stored.
    expiresAt: policy.expiresAt?.getTime() ?? 0,
    ...(policy.institution === undefined ? {} : { institution: policy.institution }),
  };
}
