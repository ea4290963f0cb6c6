import type { RecordingReview, Verdict } from "blindreel/review";
import { View } from "blindreel-ui/view";
import { html, nothing } from "lit";
import { FINDING, LOSSES, TEXT, VERDICTS } from "./strings.js";

/** Checks the whole recording, and says what that means. Tells by the event `verdict`. */
export class VerdictView extends View {
  static override properties = {
    ...View.properties,
    review: { attribute: false },
    verdict: { state: true },
    fraction: { state: true },
  };
  review!: RecordingReview;
  private verdict: Verdict | undefined;
  private fraction = 0;
  private ending = new AbortController();

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.ending.abort();
  }

  private check(): void {
    this.ending = new AbortController();
    const { signal } = this.ending;
    this.attempt("reading", async () => {
      this.verdict = await this.review.verify({
        signal,
        onProgress: ({ bytes, total }) => Object.assign(this, { fraction: bytes / (total ?? this.size) }),
      });
      this.dispatchEvent(new CustomEvent("verdict", { detail: this.verdict }));
    });
  }

  private get size(): number {
    const takes = this.review.tracks.flatMap((track) => track.takes);
    return takes.reduce((sum, { size }) => sum + size, 0);
  }

  protected override render() {
    const { review, verdict, isBusy } = this;
    const words = verdict && VERDICTS[verdict.state];
    return html`<h2 id="verdict">${TEXT.completeness}</h2>
      <div role="status">
        <p class=${verdict?.state ?? "unverified"}><strong>${words?.means ?? TEXT.unverified}</strong></p>
        ${words ? html`<p>${TEXT.mayBeSaid}: <q>${words.say}</q></p><p>${TEXT.mayNotBeSaid} ${words.not}.</p>` : nothing}
      </div>
      <p class=${review.origin}>${review.origin === "pinned" ? TEXT.pinned : TEXT.unpinned}</p>
      ${verdict ? this.reasons(verdict) : nothing}
      ${
        isBusy
          ? html`<progress aria-label=${TEXT.working} .value=${Math.min(1, this.fraction)}></progress>
              <button class="secondary" @click=${() => this.ending.abort()}>${TEXT.stop}</button>`
          : verdict
            ? nothing
            : html`<button @click=${this.check}>${TEXT.check}</button>
                <small>${TEXT.checkCost} ${(this.size / 2 ** 20).toFixed(1)} MiB.</small>`
      }
      ${this.problemView()}`;
  }

  private reasons({ losses, findings }: Verdict) {
    if (losses.length + findings.length === 0) return nothing;
    return html`<ul>
      ${losses.map(({ what, track }) => html`<li>${TEXT.loss} ${LOSSES[what]}${track ? ` (${track})` : ""}.</li>`)}
      ${findings.map(({ cause }) => html`<li>${FINDING} ${cause.replaceAll("-", " ")}.</li>`)}
    </ul>`;
  }
}
customElements.define("verdict-view", VerdictView);
