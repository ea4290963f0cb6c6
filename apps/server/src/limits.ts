import { Problem } from "./problem.js";

export interface LimitOptions {
  /** Requests and bytes that a recording may send in a second over time, and how many seconds' worth of them at once. */
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly burst: number;
  /** Bytes of a recording that this process stores. */
  readonly recordingBytes: number;
  readonly now?: () => number;
}

interface Account {
  requests: number;
  bytes: number;
  stored: number;
  at: number;
}

/** Recordings in memory; beyond, those that have rested longest are forgotten. */
const MOST_ACCOUNTS = 100_000;

/** Least bytes that an object counts in the quota: a million tiny ones cost whoever lists them. */
const LEAST_CHARGE = 16 * 1024;

const charge = (bytes: number): number => Math.max(bytes, LEAST_CHARGE);

/** Uploads of one recording at the same time: recorders send three, unless they are told otherwise. */
const MOST_UPLOADS = 16;

/** Uploads that are under way, so that one recording's slow ones leave room for others'. */
export class Uploads {
  readonly #most: number;
  readonly #running = new Map<string, number>();
  #all = 0;

  /** @param most of all recordings. */
  constructor(most: number) {
    this.#most = most;
  }

  /** @returns what ends it. @throws Problem 429, 503. */
  enter(recordingId: string): () => void {
    const running = this.#running.get(recordingId) ?? 0;
    if (running >= MOST_UPLOADS) throw new Problem(429, "uploads", { "Retry-After": "1" });
    if (this.#all >= this.#most) throw new Problem(503, "busy", { "Retry-After": "1" });
    this.#running.set(recordingId, running + 1);
    this.#all++;
    return () => {
      const left = this.#running.get(recordingId)! - 1;
      if (left === 0) this.#running.delete(recordingId);
      else this.#running.set(recordingId, left);
      this.#all--;
    };
  }
}

/** What one recording may ask of this process: token buckets of requests and bytes, and a quota. */
export class Limits {
  readonly #options: LimitOptions;
  readonly #accounts = new Map<string, Account>();

  constructor(options: LimitOptions) {
    this.#options = options;
  }

  /** Whether so many bytes more are within the quota. */
  fits(recordingId: string, bytes: number): boolean {
    return this.#account(recordingId).stored + charge(bytes) <= this.#options.recordingBytes;
  }

  /** @param bytes of the body that comes. @throws Problem 429 for too many at once. */
  take(recordingId: string, bytes: number): void {
    const { requestsPerSecond, bytesPerSecond } = this.#options;
    const account = this.#account(recordingId);
    // An object may be larger than a second's bytes: what is there decides, and the debt is paid by waiting.
    const wait = Math.max(-account.bytes / bytesPerSecond, (1 - account.requests) / requestsPerSecond);
    if (wait > 0) throw new Problem(429, "rate", { "Retry-After": `${Math.ceil(wait)}` });
    account.requests -= 1;
    account.bytes -= bytes;
  }

  stored(recordingId: string, bytes: number): void {
    this.#account(recordingId).stored += charge(bytes);
  }

  #account(recordingId: string): Account {
    const { requestsPerSecond, bytesPerSecond, burst, now = Date.now } = this.#options;
    const full = { requests: requestsPerSecond * burst, bytes: bytesPerSecond * burst };
    const at = now();
    const account = this.#accounts.get(recordingId) ?? { ...full, stored: 0, at };
    const seconds = Math.max(0, at - account.at) / 1000;
    account.requests = Math.min(full.requests, account.requests + seconds * requestsPerSecond);
    account.bytes = Math.min(full.bytes, account.bytes + seconds * bytesPerSecond);
    account.at = at;
    // The order of the map is that of the last use.
    this.#accounts.delete(recordingId);
    this.#accounts.set(recordingId, account);
    if (this.#accounts.size > MOST_ACCOUNTS) this.#accounts.delete(this.#accounts.keys().next().value!);
    return account;
  }
}
