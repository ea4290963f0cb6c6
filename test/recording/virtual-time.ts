/**
 * Time that stands still until it is told to go on. Node's cryptography and a journal in memory need no event loop, so under it a
 * whole recording runs the same way every time, and a wait of ten seconds takes none.
 */
interface Timer {
  readonly due: number;
  readonly order: number;
  readonly action: () => void;
}

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  now: performance.now,
  random: Math.random,
};

export class VirtualTime {
  now = 1000;
  #timers = new Map<number, Timer>();
  #order = 0;
  #turns = 0;
  #resets = 0;

  /** @param random stands for `Math.random` meanwhile. */
  install(random: () => number = real.random): void {
    const setTimeout = (action: () => void, delay = 0): unknown => this.#set(action, delay);
    const clearTimeout = (timer: { id?: number } | undefined): void => {
      if (timer?.id !== undefined) this.#timers.delete(timer.id);
    };
    Object.assign(globalThis, { setTimeout, clearTimeout });
    Object.defineProperty(performance, "now", { value: () => this.now, configurable: true, writable: true });
    Math.random = random;
  }

  uninstall(): void {
    Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
    Object.defineProperty(performance, "now", { value: real.now, configurable: true, writable: true });
    Math.random = real.random;
  }

  #set(action: () => void, delay: number): unknown {
    const id = ++this.#order;
    // As the platforms do it: what does not fit into 31 bits fires at once.
    const wait = delay > 2 ** 31 - 1 || !(delay >= 1) ? 1 : Math.floor(delay);
    this.#timers.set(id, { due: this.now + wait, order: id, action });
    const timer = { id, unref: () => timer, ref: () => timer, hasRef: () => true };
    return timer;
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Forgets all timers: the process that set them is gone. */
  reset(): void {
    this.#timers.clear();
    this.#turns = 0;
    this.#resets++;
  }

  sleep(delay: number): Promise<void> {
    return new Promise((resolve) => void this.#set(resolve, delay));
  }

  /** A wait that takes no time, but lets all else run: the next timer does not fire before it is over. */
  async turn(): Promise<void> {
    const resets = this.#resets;
    this.#turns++;
    await turn();
    if (resets === this.#resets) this.#turns--;
  }

  /** Lets everything run that waits for no timer. */
  async settle(): Promise<void> {
    do await turn();
    while (this.#turns > 0);
  }

  /** Fires the next timer. @returns whether there was one due by `until`. */
  fire(until: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers.values())
      if (!next || timer.due < next.due || (timer.due === next.due && timer.order < next.order)) next = timer;
    if (!next || next.due > until) {
      this.now = Math.max(this.now, Math.min(until, Number.MAX_SAFE_INTEGER));
      return false;
    }
    this.#timers.delete(next.order);
    this.now = Math.max(this.now, next.due);
    next.action();
    return true;
  }

  /** Goes on by so many milliseconds, timer by timer. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds;
    await this.settle();
    while (this.fire(until)) await this.settle();
  }

  /** Goes on until `isDone`, for at most so many milliseconds and timers. @returns whether it is. */
  async until(isDone: () => boolean, milliseconds = 120_000, timers = 20_000): Promise<boolean> {
    const until = this.now + milliseconds;
    await this.settle();
    for (let fired = 0; !isDone() && fired < timers; fired++) {
      if (!this.fire(until)) return isDone();
      await this.settle();
    }
    return isDone();
  }
}

/** The event loop's next turn: all microtasks ran. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Runs `action` under time of its own. */
export async function underVirtualTime<T>(action: (time: VirtualTime) => Promise<T>): Promise<T> {
  const time = new VirtualTime();
  time.install();
  try {
    return await action(time);
  } finally {
    time.uninstall();
  }
}
