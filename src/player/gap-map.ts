import type { PlayerGap, PlayerGapCause, TimedUnit, Timeline } from "./timeline.js";

/** BufferedSpan of a unit as the browser buffered it, in seconds of the timeline. */
export interface BufferedSpan {
  readonly start: number;
  readonly end: number;
}

/** A gap, in seconds of the timeline. */
export interface GapSpan {
  readonly from: number;
  readonly to: number;
  readonly cause: PlayerGapCause;
}

/** Seconds: shorter gaps are passed over without a word. */
const NOTICEABLE = 0.25;
/** Seconds by which neighbouring frames may miss each other. */
const TOLERANCE = 0.02;

/** What is known of a timeline's content: by the log at first, then by what was fetched and buffered. */
export class GapMap {
  readonly #timeline: Timeline;
  readonly #faults = new Map<TimedUnit, PlayerGapCause>();
  /** Undefined for a unit of which the browser buffered nothing. */
  readonly #contents = new Map<TimedUnit, BufferedSpan | undefined>();
  #known: { readonly spans: readonly GapSpan[]; readonly end: number } | undefined;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  noteFault(unit: TimedUnit, cause: PlayerGapCause): void {
    this.#faults.set(unit, cause);
    this.#known = undefined;
  }

  noteContent(unit: TimedUnit, content: BufferedSpan | undefined): void {
    this.#contents.set(unit, content);
    this.#known = undefined;
  }

  /** Whether nothing of the unit can be shown. */
  isEmpty(unit: TimedUnit): boolean {
    return this.#faults.has(unit) || (this.#contents.has(unit) && !this.#contents.get(unit));
  }

  /** Undefined until it was buffered once. */
  contentOf(unit: TimedUnit): BufferedSpan | undefined {
    return this.#contents.get(unit);
  }

  get isAllEmpty(): boolean {
    return this.#timeline.units.every((unit) => this.isEmpty(unit));
  }

  /** Seconds: where the last content ends, as far as is known. */
  get end(): number {
    return this.#look().end;
  }

  /** The gap that `time` is in, or at whose beginning it is. */
  at(time: number): GapSpan | undefined {
    return this.#look().spans.find(({ from, to }) => from - TOLERANCE <= time && time < to - TOLERANCE);
  }

  /** Gaps worth telling. */
  list(): readonly PlayerGap[] {
    return this.#look().spans.flatMap((span) => this.told(span) ?? []);
  }

  /** A gap for the caller; undefined for one that nobody notices. */
  told({ from, to, cause }: GapSpan): PlayerGap | undefined {
    if (to - from <= NOTICEABLE) return undefined;
    return { from: this.#timeline.dateOf(from), to: this.#timeline.dateOf(to), cause };
  }

  #look(): { readonly spans: readonly GapSpan[]; readonly end: number } {
    this.#known ??= this.#find();
    return this.#known;
  }

  #find(): { readonly spans: readonly GapSpan[]; readonly end: number } {
    const spans: GapSpan[] = [];
    const { units, end } = this.#timeline;
    let covered = 0;
    let last: TimedUnit | undefined;
    let fault: PlayerGapCause | undefined;
    for (const unit of units) {
      if (this.isEmpty(unit)) {
        fault ??= this.#faults.get(unit);
        continue;
      }
      const { start, end: stop } = this.#contents.get(unit) ?? { start: unit.time, end: unit.end };
      const cause = fault ?? (last?.take === unit.take ? "missing" : "unrecorded");
      if (start > covered + TOLERANCE) spans.push({ from: covered, to: start, cause });
      covered = Math.max(covered, stop);
      last = unit;
      fault = undefined;
    }
    if (fault && end > covered) spans.push({ from: covered, to: end, cause: fault });
    return { spans, end: covered };
  }
}
