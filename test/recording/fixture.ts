import { generateIdentity } from "../../src/keywrap/import.js";
import type { RecordingEvent } from "../../src/recording/events.js";
import type { PutObject } from "../../src/recording/upload.js";
import { openRecording } from "../../src/review/review.js";
import type { Verdict } from "../../src/review/verdict.js";
import { bytesSource } from "../../src/source/bytes.js";

/** What tests of recordings have in common: an institution, and a server that stores what it is given. */
export const institution = await generateIdentity();

export class Server {
  readonly objects = new Map<string, Uint8Array>();
  /** Names that were put with two different contents. */
  readonly conflicts: string[] = [];

  readonly put: PutObject = (name, bytes) => {
    const before = this.objects.get(name);
    if (before && Buffer.compare(before, bytes) !== 0) this.conflicts.push(name);
    this.objects.set(name, bytes.slice());
  };

  /** Without the recording's id. */
  get names(): string[] {
    return [...this.objects.keys()].map((name) => name.slice(33));
  }

  async review() {
    const [envelope] = [...this.objects].filter(([name]) => name.endsWith("/envelope"));
    return openRecording(envelope![1], {
      identities: institution,
      objects: (name) => {
        const found = this.objects.get(name);
        return found ? bytesSource(found) : null;
      },
      list: (prefix) => [...this.objects.keys()].filter((name) => name.startsWith(prefix)),
    });
  }

  async verdict(): Promise<Verdict> {
    const review = await this.review();
    try {
      return await review.verify();
    } finally {
      await review.close();
    }
  }

  /** All of a track's takes, one behind the other. */
  async content(track: string): Promise<Uint8Array> {
    const review = await this.review();
    const parts: Uint8Array[] = [];
    for (const take of review.track(track).takes) {
      const source = take.source();
      if (source.size > 0) parts.push(await source.read(0, source.size));
    }
    await review.close();
    return Buffer.concat(parts);
  }
}

/** Collects what a recording tells. */
export function listener() {
  const events: RecordingEvent[] = [];
  return { events, onEvent: (event: RecordingEvent) => void events.push(event) };
}

/** How a promise settled by now, if it did: its value, or the code of its error. */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => ({ value }),
    (error) => (error as { code?: unknown }).code ?? error,
  );
}

/** Whether a promise has settled. */
export function watched(promise: Promise<unknown>): { isSettled: boolean } {
  const state = { isSettled: false };
  const settle = (): void => {
    state.isSettled = true;
  };
  promise.then(settle, settle);
  return state;
}
