import type { RecordingEvent } from "blindreel/recording";
import type { Told } from "./channel.js";
import { Problem, type ProblemKind, problemOf } from "./problems.js";

/** Of a failed request: gone with the next one that succeeds. */
const PASSING: readonly ProblemKind[] = [
  "offline",
  "server-down",
  "server-refuses",
  "launch-over",
  "keyset-time",
  "unexpected",
];

/** What the person in front of the exam has to know now. */
export class Notices {
  readonly #told = new Map<ProblemKind, string>();
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get list(): Told[] {
    return [...this.#told].map(([kind, detail]) => ({ kind, detail }));
  }

  tell({ kind, detail }: Problem): void {
    this.#told.set(kind, detail);
    this.#changed();
  }

  clear(...kinds: readonly ProblemKind[]): void {
    for (const kind of kinds) if (this.#told.delete(kind)) this.#changed();
  }

  /** A request has succeeded. */
  clearPassing(): void {
    this.clear(...PASSING);
  }

  /** Of `onEvent` of a recording. */
  readonly on = (event: RecordingEvent): void => {
    if (event.type === "restored") this.clear("silent");
    else if (event.type === "silent") this.tell(new Problem("silent", event.track));
    else if (event.type === "dropped") this.tell(new Problem("busy", `${event.dropped} of ${event.frames}`));
    else if (event.type === "lost") this.tell(new Problem("lost", event.name));
    else if (event.type === "restarted") this.#changed();
    else if ("error" in event) {
      const { kind, detail } = problemOf(event.error);
      const storage = kind === "disk-full" ? kind : "disk-failed";
      this.tell(new Problem(event.type === "failed" ? "failed" : storage, detail));
    }
  };
}
