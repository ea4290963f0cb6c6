/** Seconds by which a source's time may be ahead of its arrival, or behind it, before it counts as wrong. */
const AHEAD = 0.5;
const BEHIND = 10;
/** More than the millisecond to which containers round. */
const SHORTEST = 0.0015;

/**
 * Media time of one source in a take: its own timestamps, whose zero is its own, set in place by the first arrival. A machine that is
 * busy delivers late what is stamped right; timestamps that jump or repeat, as behind a sleep, are set in place anew.
 */
export class MediaClock {
  #offset: number | undefined;
  #last = -SHORTEST;

  /** Sets the zero. @param stamp of the source. @param elapsed since the take's beginning. All in seconds. */
  place(stamp: number, elapsed: number): void {
    this.#offset ??= elapsed - stamp;
  }

  /** @returns media time; rises. */
  timeOf(stamp: number, elapsed: number): number {
    this.place(stamp, elapsed);
    let time = stamp + this.#offset!;
    if (time <= this.#last || time > elapsed + AHEAD || time < elapsed - BEHIND) {
      time = Math.max(elapsed, this.#last + SHORTEST);
      this.#offset = time - stamp;
    }
    // Two within a millisecond would have one time in the file.
    time = Math.max(time, this.#last + SHORTEST);
    this.#last = time;
    return time;
  }

  /** Of a repeated picture, now. */
  repeat(elapsed: number): number {
    this.#last = Math.max(elapsed, this.#last + SHORTEST);
    return this.#last;
  }
}
