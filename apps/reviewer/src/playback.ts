import "./track-screens.js";
import type { Gap, RecordingReview, ReviewTrack } from "blindreel/review";
import { isMedia, type Line, readLines } from "blindreel-ui/lines";
import type { Settings } from "blindreel-ui/settings";
import { clock, View } from "blindreel-ui/view";
import { html, nothing } from "lit";
import { TEXT } from "./strings.js";
import { timelineView } from "./timeline.js";
import type { TrackScreens } from "./track-screens.js";

const SPEEDS = [0.5, 1, 1.5, 2, 4] as const;
const JUMP = 5000;
/** Milliseconds between two looks at the position. */
const LOOK = 100;

/** Tracks side by side in step, with chat, answers and flags beside them. Times are milliseconds since the recording's beginning. */
export class Playback extends View {
  static override properties = {
    ...View.properties,
    review: { attribute: false },
    gaps: { attribute: false },
    time: { state: true },
    lines: { state: true },
    isPlaying: { state: true },
    speed: { state: true },
  };
  review!: RecordingReview;
  settings!: Settings;
  gaps: readonly Gap[] = [];
  time = 0;
  private lines: readonly Line[] = [];
  private isPlaying = false;
  private speed = 1;
  private readonly ending = new AbortController();
  private timer: ReturnType<typeof setInterval> | undefined;

  private get began(): number {
    return this.review.startedAt?.getTime() ?? 0;
  }
  private get duration(): number {
    return Math.max(1, (this.review.endedAt?.getTime() ?? 0) - this.began);
  }
  private get media(): readonly ReviewTrack[] {
    return this.review.tracks.filter(isMedia);
  }

  private get screens(): TrackScreens {
    return this.querySelector("track-screens")!;
  }

  override firstUpdated(): void {
    this.timer = setInterval(() => this.look(), LOOK);
    this.attempt("reading", async () => {
      const { flags = ["events", "flags"] } = this.settings;
      this.lines = await readLines(this.review, flags, this.ending.signal);
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.ending.abort();
    clearInterval(this.timer);
  }

  /** Follows what plays. Paused, the position is where the user went, in a gap too. */
  private look(): void {
    const { isPlaying, time } = this.screens;
    if (this.isPlaying || isPlaying) this.time = this.within((time?.getTime() ?? 0) - this.began);
    this.isPlaying = isPlaying;
  }

  private within(time: number): number {
    return Math.min(this.duration, Math.max(0, time));
  }

  private seek(time: number): void {
    this.time = this.within(time);
    this.screens.seek(new Date(this.began + this.time));
  }

  private toggle(): void {
    if (this.screens.isPlaying) this.screens.pause();
    else this.screens.play();
  }

  private setSpeed(speed: number): void {
    this.speed = speed;
    this.screens.speed = speed;
  }

  private toFlag(step: 1 | -1): void {
    const times = this.lines.filter(({ isFlag }) => isFlag).map(({ time }) => time - this.began);
    const next =
      step > 0 ? times.find((time) => time > this.time + 1) : times.findLast((time) => time < this.time - 1);
    if (next !== undefined) this.seek(next);
  }

  /** Single keys act only while the focus is in here (WCAG 2.2, 2.1.4), and leave fields theirs. */
  private readonly press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target, key } = event;
    const speedAt = SPEEDS.indexOf(this.speed as (typeof SPEEDS)[number]);
    const actions: Readonly<Record<string, () => void>> = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.seek(this.time - JUMP),
      ArrowRight: () => this.seek(this.time + JUMP),
      n: () => this.toFlag(1),
      p: () => this.toFlag(-1),
      "+": () => this.setSpeed(SPEEDS[speedAt + 1] ?? this.speed),
      "-": () => this.setSpeed(SPEEDS[speedAt - 1] ?? this.speed),
    };
    const isTheirs = (target as Element).matches("select, [type=radio], summary");
    if (!actions[key] || isTheirs || (key === " " && (target as Element).matches("button"))) return;
    event.preventDefault();
    actions[key]();
  };

  protected override render() {
    const { review, time, gaps, lines, duration, media } = this;
    const onSeek = (at: number): void => this.seek(at);
    return html`<section aria-labelledby="playback" @keydown=${this.press}>
      <h2 id="playback">${TEXT.playback}</h2>
      ${media.length === 0 ? html`<p>${TEXT.noMedia}</p>` : nothing}
      <track-screens .tracks=${media} .coreHash=${review.coreHash} @change=${() => this.requestUpdate()}></track-screens>
      <div role="group" aria-label=${TEXT.playback} class="controls">
        <button @click=${this.toggle} ?disabled=${media.length === 0}>${this.isPlaying ? TEXT.pause : TEXT.play}</button>
        <button class="secondary" @click=${() => this.toFlag(-1)}>${TEXT.previousFlag}</button>
        <button class="secondary" @click=${() => this.toFlag(1)}>${TEXT.nextFlag}</button>
        <label>${TEXT.speed}<select @change=${(event: Event) => this.setSpeed(Number((event.target as HTMLSelectElement).value))}>
          ${SPEEDS.map((each) => html`<option value=${each} ?selected=${each === this.speed}>${each}×</option>`)}
        </select></label>
      </div>
      <label>${TEXT.position}: ${clock(time)} / ${clock(duration)}
        <input type="range" min="0" max=${duration} step="1000" .value=${String(time)} aria-valuetext=${clock(time)}
          @input=${(event: Event) => this.seek(Number((event.target as HTMLInputElement).value))}>
      </label>
      ${timelineView({ review, duration, time, gaps, lines, played: this.hasUpdated ? this.screens.gaps : [], onSeek })}
      <small>${TEXT.keysHelp}</small>
      ${this.problemView()}
    </section>
    <section aria-labelledby="lines">
      <h2 id="lines">${TEXT.lines}</h2>
      <p>${lines.length > 0 ? TEXT.linesHelp : TEXT.noLines}</p>
      <ol class="lines">${lines.map((line) => this.line(line))}</ol>
    </section>`;
  }

  private line({ track, time, text, isFlag, isMissing }: Line) {
    const at = time - this.began;
    return html`<li class=${isFlag ? "flag" : ""} aria-current=${at <= this.time && this.time < at + JUMP ? "time" : nothing}>
      <button class="secondary" @click=${() => this.seek(at)}>${clock(at)}</button>
      <span>${isFlag ? html`<strong>${TEXT.flag}</strong> ` : nothing}<em>${track}</em> ${isMissing ? TEXT.missingLine : text}</span>
    </li>`;
  }
}
customElements.define("review-playback", Playback);
