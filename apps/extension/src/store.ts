import type { KeysetReference } from "blindreel";
import { Problem } from "./problems.js";
import type { Launch } from "./server.js";

/** What is kept besides the journals: enough for the worker, the pages and the recorder to go on after a kill of any of them. */

/** When and to what the test taker consented. */
export interface Consent {
  readonly text: string;
  /** ISO. */
  readonly at: string;
  readonly guardian?: { readonly at: string };
}

/** A recording of the exam: more than one where a journal was lost. */
export interface Announced {
  readonly recordingId: string;
  readonly coreHash: string;
  /** Whether the LMS has said that it knows it. */
  readonly isPinned: boolean;
}

/** `launched`: no consent yet. `finished`: nothing is recorded any more, and not all is stored. `stored`: the receipt is to be saved. */
export type Phase = "launched" | "recording" | "finished" | "stored";

export interface Exam extends Launch {
  /** Random: journals are labelled with it. */
  readonly key: string;
  /** Origin. */
  readonly server: string;
  /** When the launch ends, in milliseconds since 1970 by this machine's clock. */
  readonly launchEnds: number;
  /** Milliseconds by which this machine's clock is ahead of the server's. */
  readonly skew: number;
  readonly phase: Phase;
  readonly consent?: Consent;
  /** Thumbprint of the key that replies are sealed to. */
  readonly replyTo?: string;
  readonly recordings: readonly Announced[];
  /** Files handed in so far. */
  readonly files: number;
  readonly receipt?: Uint8Array<ArrayBuffer>;
  readonly isCountersigned?: boolean;
}

interface Tables {
  readonly exams: Exam;
  /** By institution: against older keysets. Stays. */
  readonly seen: KeysetReference;
}

const NAMES: readonly (keyof Tables)[] = ["exams", "seen"];

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Bytes of room below which a failure is one for want of room: Chromium names no reason then. */
const LITTLE_ROOM = 16 * 2 ** 20;

/** @throws Problem. */
async function within<K extends keyof Tables, T>(
  name: K,
  mode: IDBTransactionMode,
  action: (table: IDBObjectStore) => Promise<T>,
): Promise<T> {
  try {
    return await inTransaction(name, mode, action);
  } catch (error) {
    const { quota = 0, usage = 0 } = await navigator.storage.estimate();
    throw new Problem(quota - usage < LITTLE_ROOM ? "disk-full" : "disk-failed", String(error));
  }
}

async function inTransaction<T>(
  name: keyof Tables,
  mode: IDBTransactionMode,
  action: (table: IDBObjectStore) => Promise<T>,
): Promise<T> {
  const opening = indexedDB.open("exams", 1);
  opening.onupgradeneeded = () => {
    for (const each of NAMES) opening.result.createObjectStore(each);
  };
  const database = await done(opening);
  try {
    const transaction = database.transaction(name, mode, { durability: "strict" });
    const ended = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = database.onclose = () => reject(transaction.error);
    });
    const [result] = await Promise.all([action(transaction.objectStore(name)), ended]);
    return result;
  } finally {
    database.close();
  }
}

export const all = <K extends keyof Tables>(name: K): Promise<Tables[K][]> =>
  within(name, "readonly", (table) => done(table.getAll()));

export const get = <K extends keyof Tables>(name: K, key: string): Promise<Tables[K] | undefined> =>
  within(name, "readonly", (table) => done(table.get(key)));

export const put = <K extends keyof Tables>(name: K, key: string, value: Tables[K]): Promise<unknown> =>
  within(name, "readwrite", (table) => done(table.put(value, key)));

export const remove = (name: keyof Tables, key: string): Promise<unknown> =>
  within(name, "readwrite", (table) => done(table.delete(key)));

/** Changes an exam in one transaction: worker and recorder both write. @returns it as it is then; undefined where it is gone. */
export const update = (key: string, change: (exam: Exam) => Partial<Exam>): Promise<Exam | undefined> =>
  within("exams", "readwrite", async (table) => {
    const exam: Exam | undefined = await done(table.get(key));
    if (!exam) return undefined;
    const changed = { ...exam, ...change(exam) };
    await done(table.put(changed, key));
    return changed;
  });
