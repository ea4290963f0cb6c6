import { closedError } from "../errors.js";

/**
 * The life of a recording that is being made: the one owner of what it may still do. docs/recordings.md, "Life cycle", shows
 * these tables, and a test compares them.
 *
 * - `recording`: takes writes.
 * - `finishing`: `finish` or `close` seals what was written.
 * - `finished`: nothing is written any more; the last manifest waits until everything else is stored.
 * - `signed`: the last manifest is in the journal, and the keys are erased.
 * - `failed`: the journal or the cryptography failed. What is journalled is still handed out; `finish` may be called again.
 * - `closed`: the end.
 */
export type LifeState = "recording" | "finishing" | "finished" | "signed" | "failed" | "closed";

/** Which states may follow. */
export const TRANSITIONS: Readonly<Record<LifeState, readonly LifeState[]>> = {
  recording: ["finishing", "failed", "closed"],
  finishing: ["finished", "failed", "closed"],
  finished: ["signed", "failed", "closed"],
  signed: ["failed", "closed"],
  failed: ["finishing", "closed"],
  closed: [],
};

/** In which states a call is allowed; elsewhere it throws `closed`, or what the recording failed with. */
export const CALLS = {
  track: ["recording"],
  write: ["recording"],
  record: ["recording"],
  flush: ["recording"],
  checkpoint: ["recording"],
  finish: ["recording", "failed"],
  objects: ["recording", "finishing", "finished", "signed", "failed"],
  upload: ["recording", "finishing", "finished", "signed", "failed"],
  receipt: ["recording", "finishing", "finished", "signed", "failed", "closed"],
  close: ["recording", "finishing", "finished", "signed", "failed", "closed"],
  abort: ["recording", "finishing", "finished", "signed", "failed", "closed"],
} as const satisfies Readonly<Record<string, readonly LifeState[]>>;

export type LifeCall = keyof typeof CALLS;

export class LifeCycle {
  #state: LifeState;
  #failure: { readonly error: unknown } | undefined;

  constructor(state: LifeState) {
    this.#state = state;
  }

  get state(): LifeState {
    return this.#state;
  }

  /** What it failed with; undefined in every other state. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#state === "failed" ? this.#failure : undefined;
  }

  is(...states: readonly LifeState[]): boolean {
    return states.includes(this.#state);
  }

  /** @throws what it failed with; BlindreelError `closed`. */
  check(call: LifeCall): void {
    if ((CALLS[call] as readonly LifeState[]).includes(this.#state)) return;
    throw this.failure ? this.failure.error : closedError("the recording");
  }

  /** @returns whether the state may follow, and now is; otherwise nothing happens. */
  enter(next: LifeState, error?: unknown): boolean {
    if (!TRANSITIONS[this.#state].includes(next)) return false;
    this.#state = next;
    if (next === "failed") this.#failure = { error };
    return true;
  }
}
