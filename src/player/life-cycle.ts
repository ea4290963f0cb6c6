/**
 * - `idle`: nothing is buffered yet.
 * - `filling`: content is fetched and buffered.
 * - `waiting`: as much is buffered as is wanted ahead, or the browser wants no more now.
 * - `seeking`: the picture of another place is on its way.
 * - `ended`: all content up to the end is buffered.
 * - `failed`: a failure of the network, which a seek may overcome, or one for good.
 * - `closed`
 */
export type PlayerState = "idle" | "filling" | "waiting" | "seeking" | "ended" | "closed" | "failed";

/** The states that may follow a state. */
export const PLAYER_TRANSITIONS: Readonly<Record<PlayerState, readonly PlayerState[]>> = {
  idle: ["filling", "seeking", "failed", "closed"],
  filling: ["waiting", "seeking", "ended", "failed", "closed"],
  waiting: ["filling", "seeking", "ended", "failed", "closed"],
  seeking: ["filling", "waiting", "ended", "failed", "closed"],
  ended: ["filling", "waiting", "seeking", "failed", "closed"],
  failed: ["seeking", "closed"],
  closed: [],
};

/** The one owner of a player's state. */
export class PlayerLifeCycle {
  readonly #onChange: (state: PlayerState) => void;
  #state: PlayerState = "idle";

  constructor(onChange: (state: PlayerState) => void) {
    this.#onChange = onChange;
  }

  get state(): PlayerState {
    return this.#state;
  }

  get isOver(): boolean {
    return this.#state === "failed" || this.#state === "closed";
  }

  /** @returns whether the player is in that state now: late events of one that is over change nothing. */
  to(state: PlayerState): boolean {
    if (state === this.#state) return true;
    if (!PLAYER_TRANSITIONS[this.#state].includes(state)) return false;
    this.#state = state;
    this.#onChange(state);
    return true;
  }
}
