import type { ExportedMedia } from "blindreel/media-export";
import type { OpenedExcerpt } from "blindreel/review";
import { html, nothing, type TemplateResult } from "lit";
import { isText, type Line, linesOfExcerpt } from "./lines.js";
import { explain, Problem } from "./problems.js";
import { isExcerpt, type Proof, type ProofPart, partsOf } from "./proof.js";
import { TEXT } from "./strings.js";
import { download, moment, View } from "./view.js";

/** What a receipt or an excerpt proves and what not, and an excerpt's content. It closes the excerpt that it shows. */
export class ProofView extends View {
  static override properties = {
    ...View.properties,
    proof: { attribute: false },
    media: { state: true },
    lines: { state: true },
  };
  proof: Proof | undefined;
  private media: (ExportedMedia & { readonly href: string }) | undefined;
  private lines: readonly Line[] = [];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.forget(this.proof);
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has("proof")) return;
    this.forget(changed.get("proof") as Proof | undefined);
    this.problem = undefined;
  }

  protected override updated(changed: Map<string, unknown>): void {
    const { proof } = this;
    if (changed.has("proof") && proof && isExcerpt(proof)) this.follow("showing", () => this.load(proof));
  }

  private forget(proof: Proof | undefined): void {
    if (this.media) {
      // Else it may still be loading what is about to be gone.
      const video = this.querySelector("video");
      video?.removeAttribute("src");
      video?.load();
      URL.revokeObjectURL(this.media.href);
    }
    Object.assign(this, { media: undefined, lines: [] });
    if (proof && isExcerpt(proof)) void proof.close();
  }

  private async load(shown: OpenedExcerpt): Promise<void> {
    if (this.proof !== shown) return;
    if (shown.segments.some(({ isIncluded }) => !isIncluded)) throw new Problem("no-content");
    if (isText(shown.take.type)) {
      this.lines = await linesOfExcerpt(shown);
      return;
    }
    const { exportExcerpt } = await import("blindreel/media-export");
    const media = await exportExcerpt(shown).catch((error: unknown) => {
      // Closed, because another took its place.
      if (this.proof !== shown) return undefined;
      throw error;
    });
    if (this.proof !== shown || !media) return;
    const href = URL.createObjectURL(new Blob([media.bytes], { type: media.type }));
    this.media = { ...media, href };
  }

  protected override render() {
    const { proof, media, lines } = this;
    return html`
      <div role="status">${proof ? this.statement(proof) : nothing}</div>
      ${this.problemView()}
      ${media ? this.video(media) : nothing}
      ${
        lines.length > 0
          ? html`<ol class="lines">${lines.map(({ time, text }) => html`<li><time>${moment(time)}</time> <span>${text}</span></li>`)}</ol>`
          : nothing
      }
      ${proof ? this.facts(proof) : nothing}`;
  }

  private statement(proof: Proof): TemplateResult {
    const { origin, witnesses } = proof;
    const isWitnessed = witnesses.length > 0;
    const [proves, provesNot] = isExcerpt(proof)
      ? [
          [
            TEXT.proves,
            partsOf(proof).length > 1 ? TEXT.provesParts : "",
            proof.state === "open" ? TEXT.signedOpen : TEXT.signedFinal,
          ],
          [TEXT.provesNot],
        ]
      : [
          [TEXT.receiptProves, isWitnessed ? TEXT.receiptWitnessed : ""],
          [isWitnessed ? "" : TEXT.receiptUnwitnessed, TEXT.receiptProvesNot],
        ];
    return html`<p><strong>${proves.join(" ")}</strong></p>
      <p>${provesNot.join(" ")}</p>
      <p class=${origin}>${origin === "pinned" ? TEXT.pinned : TEXT.unpinned}</p>`;
  }

  private facts(proof: Proof): TemplateResult {
    const { recordingId, coreHash, size, witnesses } = proof;
    return html`<dl>
      ${isExcerpt(proof) ? this.parts(proof) : nothing}
      ${witnesses.map(
        ({ publicKey, time }) =>
          html`<dt>${TEXT.witness}</dt><dd>${moment(time.getTime())}, ${TEXT.witnessKey} <code>${publicKey}</code></dd>`,
      )}
      <dt>${TEXT.entries}</dt><dd>${size}</dd>
      <dt>${TEXT.recordingId}</dt><dd><code>${recordingId}</code></dd>
      <dt>${TEXT.fingerprint}</dt><dd><code>${coreHash}</code></dd>
      ${isExcerpt(proof) ? nothing : html`<dt>${TEXT.logRoot}</dt><dd><code>${proof.logRoot}</code></dd>`}
    </dl>
    ${witnesses.length > 0 ? html`<p>${TEXT.witnessHelp}</p>` : nothing}`;
  }

  private parts(excerpt: OpenedExcerpt): TemplateResult {
    const part = ({ from, to, leftOut, isCut }: ProofPart) => html`
      ${leftOut > 0 ? html`<p>${TEXT.leftOut} ${leftOut}</p>` : nothing}
      <p>${moment(from)} – ${moment(to)}${isCut ? html` (${TEXT.cut})` : nothing}</p>`;
    return html`<dt>${TEXT.track}</dt><dd>${excerpt.track} (${excerpt.take.type})</dd>
      <dt>${TEXT.recordedAt}</dt><dd>${partsOf(excerpt).map(part)}</dd>`;
  }

  private video({ href, bytes, extension, startedAt }: ExportedMedia & { readonly href: string }) {
    const { track } = this.proof as OpenedExcerpt;
    const fail = (): void => {
      this.problem = explain(new Problem("not-played"), "showing");
    };
    return html`<video controls playsinline aria-label=${track} src=${href} @error=${fail}></video>
      <p>${TEXT.excerptBegins} ${moment(startedAt.getTime())}.
        <button class="secondary" @click=${() => download(bytes, `${track}.${extension}`)}>${TEXT.saveVideo}</button>
        <small>${TEXT.saveVideoHelp}</small></p>`;
  }
}
customElements.define("proof-view", ProofView);
