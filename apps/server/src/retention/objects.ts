import { coreHashOf } from "blindreel/keyset";
import { envelopeName, inspect } from "blindreel/server";
import { readWhole, type Store } from "../store/store.js";

/** Objects that are removed at the same time: a request to S3 takes some ten milliseconds. */
const AT_ONCE = 16;

/** Where sealed files beside a recording lie: replies and notes. They go with it. */
export const besideFolder = (recordingId: string): string => `beside-${recordingId}/`;

/** By which an institution finds a recording of its own. */
export const listFolder = (institution: string): string => `of-${institution}/`;
export const listKey = (institution: string, recordingId: string): string =>
  `${listFolder(institution)}${recordingId}`;

async function* keysOf(store: Store, recordingId: string): AsyncGenerator<string> {
  yield* store.list(`${recordingId}/`);
  yield* store.list(besideFolder(recordingId));
}

export async function countObjects(store: Store, recordingId: string): Promise<number> {
  let count = 0;
  for await (const _key of keysOf(store, recordingId)) count++;
  return count;
}

/** @returns how many there were. */
export async function removeObjects(store: Store, recordingId: string): Promise<number> {
  let count = 0;
  let keys: string[] = [];
  const removeAll = (): Promise<unknown> => Promise.all(keys.map((key) => store.remove(key)));
  for await (const key of keysOf(store, recordingId)) {
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
