import type { Journal } from "./journal/journal.js";
import type { LifeCycle } from "./life-cycle.js";
import type { RecordingSettings } from "./options.js";

/** Parts and settings that all of a running recording shares. */
export interface RecordingContext {
  readonly settings: RecordingSettings;
  readonly journal: Journal;
  readonly life: LifeCycle;
  /** Milliseconds since 1970; see {@link monotonicClock}. */
  readonly time: () => number;
}
