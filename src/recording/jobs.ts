import type { MaybePromise } from "../formats/bytes.js";
import { Queue } from "./queue.js";
import type { Stored } from "./segment.js";

interface Job {
  readonly run: () => MaybePromise<Stored>;
  /** Wipes the job's data, should it not run. */
  readonly discard: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Jobs of one track, one after the other, in the order of the calls. Every promise settles; a rejection needs no handler. */
export class Jobs {
  readonly #queue = new Queue<Job>();
  readonly #onFailure: (error: unknown) => void;
  #isRunning = false;
  #failure: { readonly error: unknown } | undefined;

  /** @param onFailure told of failures, until the jobs are given up. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Jobs that run or wait. */
  get length(): number {
    return this.#queue.length;
  }

  get isGivenUp(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws the error with which they were given up. */
  check(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /**
   * @param run its result's `stored` is not waited for by the next job: sealing goes on while the journal writes.
   * @returns resolves when the job is done and stored.
   */
  add(run: Job["run"], discard: Job["discard"] = () => {}): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      if (this.#failure) reject(this.#failure.error);
      else this.#queue.push({ run, discard, resolve, reject });
    });
    done.catch(() => {});
    if (!this.#isRunning) this.#run();
    return done;
  }

  fail(error: unknown): void {
    if (!this.#failure) this.#onFailure(error);
  }

  giveUp(error: unknown): void {
    this.#failure ??= { error };
    // The first may be under way: it discards its own data.
    this.#queue.clear().forEach(({ discard, reject }, i) => {
      if (i > 0 || !this.#isRunning) discard();
      reject(error);
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let job = this.#queue.first; job; job = this.#queue.first) {
      try {
        const { resolve, reject } = job;
        const { stored } = await job.run();
        stored.then(() => resolve(), reject);
      } catch (error) {
        job.reject(error);
        this.fail(error);
        break;
      }
      this.#queue.shift();
    }
    this.#isRunning = false;
  }
}
