import { html, nothing } from "lit";
import type { Commands, ExamView } from "./channel.js";
import { consentParagraphs, consentText, grouped } from "./consent.js";
import { constraintsOf, deviceProblem, devicesOf } from "./media.js";
import { Problem } from "./problems.js";
import { TEXT } from "./strings.js";
import { fieldOf, View } from "./view.js";

/**
 * The browser's prompt, for what was chosen: a page without a window cannot show one. The tracks are let go; the recorder opens its own.
 *
 * @throws Problem.
 */
export async function askForDevices(tracks: readonly string[]): Promise<void> {
  const constraints = constraintsOf(devicesOf(tracks));
  if (!constraints) return;
  try {
    for (const track of (await navigator.mediaDevices.getUserMedia(constraints)).getTracks()) track.stop();
  } catch (error) {
    throw new Problem(deviceProblem("camera", (error as Error).name), (error as Error).message);
  }
}

/** What is recorded, who can open it, until when; and the way in. */
export class ConsentView extends View {
  static override properties = { ...View.properties, view: { attribute: false } };
  view!: ExamView;
  recorder!: Commands;

  override connectedCallback(): void {
    super.connectedCallback();
    this.prepare();
  }

  /** Started again from the course, it is another launch of the same exam. */
  protected override willUpdate(changed: Map<string, unknown>): void {
    const before = changed.get("view") as ExamView | undefined;
    if (before && before.expiresAt !== this.view.expiresAt) this.prepare();
  }

  private readonly prepare = () => this.attempt(() => this.recorder.prepare(this.view.key));

  private get paragraphs(): string[] {
    const { exam, expiresAt, tracks, institution } = this.view;
    const { root, name = institution!.institution } = institution!;
    return consentParagraphs({ exam, expiresAt, tracks, root, name });
  }

  private start(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    this.attempt(async () => {
      const { key, tracks } = this.view;
      await askForDevices(tracks);
      const consent = { text: consentText(this.paragraphs), isGuardian: fieldOf(form, "guardian") === "on" };
      await this.recorder.start(key, consent);
    });
  }

  protected override render() {
    const { institution, guardian, problems } = this.view;
    const box = (name: string, label: string) =>
      html`<label><input type="checkbox" name=${name} required> ${label}</label>`;
    if (!institution)
      return html`<h2>${TEXT.consent}</h2><p role="status">${this.isBusy ? TEXT.preparing : nothing}</p>
        ${this.problemView(problems)}
        <button @click=${this.prepare} ?disabled=${this.isBusy}>${TEXT.tryAgain}</button>`;
    return html`<h2>${TEXT.consent}</h2>
      <div id="consent-text">${this.paragraphs.map((each) => html`<p>${each}</p>`)}</div>
      <details><summary>${TEXT.compare}</summary><dl>
        <dt>${TEXT.root}</dt><dd><code>${grouped(institution.root)}</code></dd>
        <dt>${TEXT.keyset}</dt><dd><code>${institution.keyset}</code></dd>
      </dl></details>
      <form @submit=${this.start}>
        ${box("agree", TEXT.agree)}
        ${guardian ? box("guardian", TEXT.guardian) : nothing}
        ${this.problemView(problems)}
        <button ?disabled=${this.isBusy} aria-busy=${this.isBusy ? "true" : "false"}>${TEXT.start}</button>
        <button type="button" class="secondary" @click=${() => this.dispatchEvent(new Event("forget"))}>${TEXT.decline}</button>
      </form>`;
  }
}
customElements.define("consent-view", ConsentView);
