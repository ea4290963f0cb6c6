import type { ExportedMedia } from "blindreel/media-export";
import { type ExcerptSegment, type OpenedExcerpt, openExcerpt } from "blindreel/review";
import { html, nothing } from "lit";
import { isText, type Line, linesOfExcerpt } from "./lines.js";
import { explain, Problem } from "./problems.js";
import { announced } from "./recording.js";
import { TEXT } from "./strings.js";
import { bytesOf, download, fieldOf, filesOf, moment, View } from "./view.js";

/** Shows a saved excerpt to somebody without any key: what it proves, and its content. */
class ExcerptView extends View {
  static override properties = {
    ...View.properties,
    shown: { state: true },
    media: { state: true },
    lines: { state: true },
  };
  private shown: OpenedExcerpt | undefined;
  private media: (ExportedMedia & { readonly href: string }) | undefined;
  private lines: readonly Line[] = [];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    void this.close();
  }

  private async close(): Promise<void> {
    if (this.media) URL.revokeObjectURL(this.media.href);
    await this.shown?.close();
    Object.assign(this, { shown: undefined, media: undefined, lines: [] });
  }

  private open(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    this.attempt("showing", async () => {
      await this.close();
      const [file] = filesOf(form, "excerpt");
      if (!file) throw new Problem("no-excerpt");
      const bytes = await bytesOf(file);
      const shown = await openExcerpt(bytes, announced(fieldOf(form, "announced")));
      this.shown = shown;
      if (shown.segments.some(({ isIncluded }) => !isIncluded)) throw new Problem("no-content");
      if (isText(shown.take.type)) this.lines = await linesOfExcerpt(shown);
      else {
        const { exportExcerpt } = await import("blindreel/media-export");
        const media = await exportExcerpt(shown);
        const href = URL.createObjectURL(new Blob([media.bytes], { type: media.type }));
        this.media = { ...media, href };
      }
    });
  }

  protected override render() {
    return html`<h2 id="shown">${TEXT.showExcerpt}</h2>
      <p>${TEXT.showExcerptHelp}</p>
      <form @submit=${this.open}>
        <label>${TEXT.excerptFile}<input type="file" name="excerpt"></label>
        <label>${TEXT.excerptCoreHash}<input name="announced" autocomplete="off" spellcheck="false"></label>
        <button class="secondary" aria-busy=${this.isBusy ? "true" : "false"} ?disabled=${this.isBusy}>${TEXT.openExcerpt}</button>
      </form>
      ${this.problemView()}
      <div role="status">${this.shown ? this.proof(this.shown) : nothing}</div>
      ${this.media ? this.video(this.media) : nothing}
      ${
        this.lines.length > 0
          ? html`<ol class="lines">${this.lines.map(({ time, text }) => html`<li><time>${moment(time)}</time> <span>${text}</span></li>`)}</ol>`
          : nothing
      }`;
  }

  private proof({ track, take, segments, state, origin, recordingId, coreHash, witnesses }: OpenedExcerpt) {
    const runs = runsOf(segments);
    return html`<p><strong>${TEXT.proves}</strong></p>
      <p>${origin === "pinned" ? TEXT.pinned : TEXT.unpinned}</p>
      <p>${runs.length > 1 ? TEXT.provesParts : ""} ${TEXT.provesNot} ${state === "open" ? TEXT.signedOpen : ""}</p>
      <dl>
        <dt>${TEXT.track}</dt><dd>${track} (${take.type})</dd>
        <dt>${TEXT.recordedAt}</dt><dd>${runs.map(([first, last]) => {
          const end = last.time.getTime() + (last.points.at(-1)?.time ?? 0);
          return html`<p>${moment(first.time.getTime())} – ${moment(end)}</p>`;
        })}</dd>
        ${witnesses.map(
          ({ publicKey, time }) =>
            html`<dt>${TEXT.witness}</dt><dd><code>${publicKey.slice(0, 16)}…</code> ${moment(time.getTime())}</dd>`,
        )}
        <dt>${TEXT.recordingId}</dt><dd>${recordingId}</dd>
        <dt>${TEXT.fingerprint}</dt><dd>${coreHash}</dd>
      </dl>`;
  }

  private video({ href, bytes, extension, startedAt }: ExportedMedia & { readonly href: string }) {
    const fail = (): void => {
      this.problem = explain(new Problem("not-played"), "showing");
    };
    return html`<video controls playsinline aria-label=${TEXT.showExcerpt} src=${href} @error=${fail}></video>
      <p>${TEXT.excerptBegins} ${moment(startedAt.getTime())}.
        <button class="secondary" @click=${() => download(bytes, `${this.shown!.track}.${extension}`)}>${TEXT.saveVideo}</button>
        <small>${TEXT.saveVideoHelp}</small></p>`;
  }
}
customElements.define("excerpt-view", ExcerptView);

/** First and last of those that follow on each other. */
function runsOf(segments: readonly ExcerptSegment[]): (readonly [ExcerptSegment, ExcerptSegment])[] {
  const begins = segments.filter(({ index }, i) => segments[i - 1]?.index !== index - 1);
  const ends = segments.filter(({ index }, i) => segments[i + 1]?.index !== index + 1);
  return begins.map((first, i) => [first, ends[i]!]);
}
