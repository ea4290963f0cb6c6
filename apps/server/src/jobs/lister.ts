import { setTimeout as wait } from "node:timers/promises";
import type { NameRange, Store } from "../store/store.js";
import type { Rotation } from "./rotation.js";

const RECORDING_ID = /^[0-9a-f]{32}$/;

/** Ids of recordings in the store's order. */
export async function* recordingsIn(store: Store, range: NameRange): AsyncGenerator<string> {
  for await (const name of store.folders(range)) if (RECORDING_ID.test(name)) yield name;
}

/** Options of {@link listRanges}. */
export interface ListOptions {
  /** Recordings in a range. */
  readonly length: number;
  /** Seconds that a worker has for one. */
  readonly lease: number;
  /** Ranges that may wait: a short queue is a fast one. */
  readonly ahead: number;
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks at a queue that is long enough. */
const LOOK_EVERY = 1000;

/**
 * Cuts the names in the store into ranges, one behind the other, so that what is stored meanwhile lies in one too. Goes on from where it
 * was killed; of several at once each range is by one.
 */
export async function listRanges(store: Store, rotation: Rotation, options: ListOptions): Promise<void> {
  while (!options.signal.aborted) {
    const { after, isListed } = await rotation.position();
    if (isListed) return;
    await listFrom(store, rotation, after, options);
  }
}

/** Ends at the end of the names, at a stop, and where another lister is at work. */
async function listFrom(
  store: Store,
  rotation: Rotation,
  start: string | undefined,
  { length, lease, ahead, signal }: ListOptions,
): Promise<void> {
  let [after, last, count] = [start, start, 0];
  for await (const id of recordingsIn(store, { after })) {
    if (count === length) {
      while (!signal.aborted && (await rotation.waiting()) >= ahead) await wait(LOOK_EVERY);
      if (signal.aborted || !(await rotation.append(after, last, lease))) return;
      [after, count] = [last, 0];
    }
    [last, count] = [id, count + 1];
  }
  await rotation.append(after, undefined, lease);
}
