import type { PlayerGap } from "blindreel/player";
import type { Gap, RecordingReview } from "blindreel/review";
import type { Line } from "blindreel-ui/lines";
import { clock } from "blindreel-ui/view";
import { html, nothing, svg, type TemplateResult } from "lit";
import { GAPS, PLAYED, TEXT } from "./strings.js";

/** What a timeline shows; times in milliseconds since the recording's beginning. */
export interface TimelineView {
  readonly review: RecordingReview;
  readonly duration: number;
  readonly time: number;
  readonly gaps: readonly Gap[];
  readonly lines: readonly Line[];
  /** Gaps that playing knows of. */
  readonly played: readonly (PlayerGap & { readonly track: string })[];
  onSeek(time: number): void;
}

const ROW = 16;
const WIDTH = 1000;
/** Milliseconds that a take goes on behind the last point of its last segment, about. */
const TAIL = 2000;

/** A map of takes, gaps and marks. Everything in it is also said by the slider and the lists, which take the keyboard. */
export function timelineView({
  review,
  duration,
  time,
  gaps,
  lines,
  played,
  onSeek,
}: TimelineView): TemplateResult {
  const began = review.startedAt?.getTime() ?? 0;
  const x = (at: number): number => Math.min(WIDTH, Math.max(0, (at / duration) * WIDTH));
  const { tracks } = review;
  const rows = tracks.map(({ name, takes }, row) => {
    const bars = takes.map(({ startedAt, segments }, i) => {
      const from = startedAt.getTime() - began;
      const next = takes[i + 1] ? takes[i + 1]!.startedAt.getTime() - began : duration;
      const { time: start = startedAt, points = [] } = segments.at(-1) ?? {};
      const last = start.getTime() - began + (points.at(-1)?.time ?? 0);
      return bar("take", from, Math.min(next, last + TAIL));
    });
    const unseen = played
      .filter(({ track, cause }) => track === name && cause !== "unrecorded")
      .map(({ cause, from, to }) => bar("gap", from.getTime() - began, to.getTime() - began, PLAYED[cause]));
    const missing = gaps
      .filter(({ track, time: span }) => track === name && span)
      .map(({ cause, time: span }) =>
        bar(
          "gap",
          span!.from.getTime() - began,
          (span!.to?.getTime() ?? began + duration) - began,
          GAPS[cause],
        ),
      );
    const marks = lines
      .filter(({ track }) => track === name)
      .map(({ time: at, isFlag }) => mark(isFlag ? "flag" : "mark", at - began));
    return svg`<g transform="translate(0 ${row * ROW})">${bars}${unseen}${missing}${marks}</g>`;
  });

  function bar(kind: string, from: number, to: number, title = "") {
    const width = Math.max(3, x(to) - x(from));
    return svg`<rect class=${kind} x=${x(from)} y="2" width=${width} height=${ROW - 4}><title>${title}</title></rect>`;
  }
  function mark(kind: string, at: number) {
    return svg`<rect class=${kind} x=${x(at)} y="0" width="4" height=${ROW}></rect>`;
  }
  const seek = ({ offsetX, currentTarget }: PointerEvent): void =>
    onSeek((offsetX / (currentTarget as Element).clientWidth) * duration);

  const label = `${TEXT.timeline}: ${tracks.map(({ name }) => name).join(", ")}`;
  return html`<div class="timeline">
    <ol aria-hidden="true">${tracks.map(({ name }) => html`<li>${name}</li>`)}</ol>
    <svg role="img" aria-label=${label} viewBox="0 0 ${WIDTH} ${tracks.length * ROW}" preserveAspectRatio="none" @click=${seek}>
      ${rows}<rect class="now" x=${x(time)} y="0" width="3" height=${tracks.length * ROW}></rect>
    </svg>
  </div>
  ${gaps.length > 0 ? gapList(gaps, began) : nothing}`;
}

function gapList(gaps: readonly Gap[], began: number): TemplateResult {
  const span = ({ time }: Gap): string =>
    time
      ? `${clock(time.from.getTime() - began)}–${time.to ? clock(time.to.getTime() - began) : ""}`
      : TEXT.noTime;
  return html`<h3>${TEXT.whereMissing}</h3>
    <ul class="gaps">${gaps.map((gap) => html`<li>${gap.track ?? ""} ${span(gap)}: ${GAPS[gap.cause]}</li>`)}</ul>`;
}
