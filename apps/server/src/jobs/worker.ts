import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "pino";
import { faultFields } from "../observe.js";
import { type Store, StoreError } from "../store/store.js";
import { type RewrapKeys, rewrapRecording } from "./envelope.js";
import { recordingsIn } from "./lister.js";
import type { FetchedRange, Poison, RangeJob, Rotation, Tally } from "./rotation.js";

/** Options of {@link work}. */
export interface WorkOptions {
  /** Envelopes at the same time. */
  readonly concurrency: number;
  /** What is under way ends, and the rest of the range goes back. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Part of its lease after which a worker gives the rest of a range to another. */
const LEASE_USED = 0.6;
/** Milliseconds between two looks into an empty queue, and after a range that failed. */
const LOOK_EVERY = 1000;
/** Attempts after which an envelope is the reason that a range fails. */
const ATTEMPTS = 5;

/** Rewraps range after range, until the rotation is done or it is stopped. @throws errors of the database. */
export async function work(
  store: Store,
  rotation: Rotation,
  keys: RewrapKeys,
  options: WorkOptions,
): Promise<void> {
  const { signal, log } = options;
  const pause = () => wait(LOOK_EVERY, undefined, { signal }).catch(() => {});
  while (!signal.aborted) {
    const job = await rotation.fetch();
    if (job) {
      if (!(await workRange(store, rotation, job, keys, options))) await pause();
    } else if (await rotation.isDone()) return log.info("all ranges are done");
    else {
      await pause();
      await rotation.expire();
    }
  }
}

/** @returns false where it goes back to the queue. */
async function workRange(
  store: Store,
  rotation: Rotation,
  job: FetchedRange,
  keys: RewrapKeys,
  { concurrency, signal, log }: WorkOptions,
): Promise<boolean> {
  const deadline = performance.now() + job.lease * 1000 * LEASE_USED;
  const tally: Tally = { rewrapped: 0, current: 0, absent: 0, others: 0 };
  const poison: Poison[] = [];
  let later: string | undefined;
  let last: string | undefined;
  let isCut = false;
  async function* names() {
    for await (const name of namesOf(store, job.data)) {
      isCut = signal.aborted || performance.now() > deadline;
      if (isCut) return;
      last = name;
      yield name;
    }
  }
  try {
    await inParallel(names(), concurrency, async (name) => {
      const outcome = await rewrapRecording(store, name, keys);
      if (typeof outcome === "string") tally[outcome]++;
      else if ("poison" in outcome) poison.push({ name, code: outcome.poison });
      else if (job.attempts >= ATTEMPTS) poison.push({ name, code: outcome.later });
      else later = outcome.later;
    });
  } catch (error) {
    later = error instanceof StoreError ? `storage-${error.fault}` : "unexpected";
    if (!(error instanceof StoreError)) log.error(faultFields(error), "a fault");
  }
  if (later !== undefined) {
    await rotation.fail(job, later);
    log.warn({ code: later, attempts: job.attempts + 1 }, "a range is tried again later");
    return false;
  }
  const rest = isCut ? restOf(job.data, last) : undefined;
  const isOurs = await rotation.complete(job, tally, poison, rest);
  log.info({ ...tally, poison: poison.length, isCut, isOurs }, "a range is done");
  return true;
}

async function* namesOf(store: Store, data: RangeJob): AsyncGenerator<string> {
  if ("names" in data) yield* data.names;
  else yield* recordingsIn(store, data);
}

function restOf(data: RangeJob, last: string | undefined): RangeJob {
  if (last === undefined) return data;
  return "names" in data
    ? { names: data.names.slice(data.names.indexOf(last) + 1) }
    : { ...data, after: last };
}

/** Waits for all that has begun, whatever fails. */
async function inParallel<T>(
  items: AsyncGenerator<T>,
  limit: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const run = async (): Promise<void> => {
    for (let next = await items.next(); !next.done; next = await items.next()) await action(next.value);
  };
  const results = await Promise.allSettled(Array.from({ length: limit }, run));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
