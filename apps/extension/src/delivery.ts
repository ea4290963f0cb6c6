import { type PutObject, type Recording, uploadRefused } from "blindreel/recording";
import type { Notices } from "./notices.js";
import { Problem, problemOf } from "./problems.js";
import { type Place, Refusal } from "./server.js";

/** Statuses after which the same object will never be taken. */
const FINAL: readonly number[] = [409, 410, 413, 422];
/** Milliseconds between two attempts to store what the server refused. */
const REFUSED_PAUSE = 60_000;
const LONGEST_PAUSE = 10_000;
/** Milliseconds that requests may fail before it is told. */
const TOLERATED = 3000;

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What a delivery tells. */
export interface DeliveryEvents {
  /** Comes before the last manifest is sent: behind it the journal may be gone, and the receipt with it. */
  readonly beforeEnd: () => Promise<void>;
  readonly waiting: (bytes: number) => void;
}

/** Stores all of a recording, however long it takes; what the server refuses for good is tried again: its register may be mended. */
export async function deliver(
  recording: Recording,
  place: Place,
  notices: Notices,
  { beforeEnd, waiting: tellWaiting }: DeliveryEvents,
): Promise<void> {
  let failsSince: number | undefined;
  let envelope: Promise<void> | undefined;
  const put: PutObject = async (name, bytes, { kind, signal }) => {
    try {
      if (kind === "manifest") await beforeEnd();
      // The server takes nothing before the envelope: what overtook it would be refused, and wait for its second attempt.
      if (kind !== "envelope") await envelope?.catch(() => {});
      const storing = place.put(name, bytes, signal);
      if (kind === "envelope") envelope = storing;
      await storing;
      failsSince = undefined;
      notices.clearPassing();
    } catch (error) {
      if (error instanceof Refusal && FINAL.includes(error.status)) throw uploadRefused(error.detail);
      failsSince ??= performance.now();
      if (error instanceof Problem && performance.now() - failsSince > TOLERATED) notices.tell(error);
      throw error;
    }
  };
  for (;;) {
    try {
      await recording.upload(put, {
        longestDelay: LONGEST_PAUSE,
        onProgress: ({ waiting }) => tellWaiting(waiting),
      });
      notices.clear("server-rejects");
      return;
    } catch (error) {
      notices.tell(new Problem("server-rejects", problemOf(error).detail));
      await pause(REFUSED_PAUSE);
    }
  }
}

/** @returns the receipt with the server's signature; undefined where it does not sign. */
export async function countersigned(
  receipt: Uint8Array<ArrayBuffer>,
  place: Place,
  notices: Notices,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  for (let wait = 500; ; wait = Math.min(2 * wait, LONGEST_PAUSE)) {
    try {
      const signed = await place.countersign(receipt);
      notices.clearPassing();
      return signed.length > receipt.length ? signed : undefined;
    } catch (error) {
      const problem = problemOf(error);
      if (problem instanceof Refusal && FINAL.includes(problem.status)) return undefined;
      notices.tell(problem);
      await pause(wait);
    }
  }
}
