import { closedError } from "../errors.js";
import { quiet } from "./timing.js";

/**
 * States of a recording that is being made: the one owner of what it may still do. docs/recordings.md, "Life cycle", shows
 * these tables, and a test compares them.
 *
 * - `recording`: takes writes.
 * - `finishing`: `finish` or `close` seals all input.
 * - `finished`: nothing is written any more; the last manifest waits until everything else is stored.
 * - `signed`: the last manifest is in the journal, and the keys are erased.
 * - `failed`: the journal or the cryptography failed. Objects of the journal are still handed out; `finish` may be called again.
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

/** States that allow a call; in all others it throws {@link LifeCycle.refusal}. */
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
  /** Called behind each change. */
  onChange: () => void = () => {};

  constructor(state: LifeState) {
    this.#state = state;
  }

  get state(): LifeState {
    return this.#state;
  }

  is(...states: readonly LifeState[]): boolean {
    return states.includes(this.#state);
  }

  /** Of the state `failed`. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#state === "failed" ? this.#failure : undefined;
  }

  /** Error of a call that the state does not allow: that of the failure, or BlindreelError `closed`. */
  get refusal(): unknown {
    return this.failure ? this.failure.error : closedError("the recording");
  }

  /** @throws {@link refusal}. */
  check(call: LifeCall): void {
    if (!(CALLS[call] as readonly LifeState[]).includes(this.#state)) throw this.refusal;
  }

  /** An allowed call. A rejection needs no handler: the recording tells of its failure by an event. @throws {@link refusal}. */
  call<T>(call: LifeCall, action: () => Promise<T>): Promise<T> {
    const calling = async (): Promise<T> => {
      this.check(call);
      return action();
    };
    return quiet(calling());
  }

  /** @returns whether the state may follow, and now is; otherwise nothing happens. */
  enter(next: LifeState, error?: unknown): boolean {
    if (!TRANSITIONS[this.#state].includes(next)) return false;
    this.#state = next;
    if (next === "failed") this.#failure = { error };
    this.onChange();
    return true;
  }

  fail(error: unknown): void {
    this.enter("failed", error);
  }
}
