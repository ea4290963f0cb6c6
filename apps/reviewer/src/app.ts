import "./excerpt-view.js";
import "blindreel-ui/key-form";
import "./review-page.js";
import type { RecordingReview } from "blindreel/review";
import type { OpeningKey } from "blindreel-ui/keys";
import { Problem } from "blindreel-ui/problems";
import { loadSettings, type Settings } from "blindreel-ui/settings";
import type { Session } from "blindreel-ui/sign-in";
import { answerSignIn } from "blindreel-ui/sign-in-answer";
import { fieldOf, filesOf, View } from "blindreel-ui/view";
import { html, nothing } from "lit";
import { type Institution, openPlace, placeAt, placeIn, readInstitution } from "./recording.js";
import { TEXT } from "./strings.js";

/** The page: a key, then a recording, then its review. */
class ReviewerApp extends View {
  static override properties = {
    ...View.properties,
    key: { state: true },
    review: { state: true },
    session: { state: true },
    settings: { state: true },
  };
  private key: OpeningKey | undefined;
  private review: RecordingReview | undefined;
  private institution: Institution = { grants: [] };
  private settings: Settings = {};
  private session: Session | undefined;
  /** Whether the opened recording is the server's. */
  private isOfServer = false;
  /** A link may name the recording, and not what it has to be: who made the link could have put another in its place. */
  private readonly address = new URLSearchParams(location.hash.slice(1)).get("address") ?? "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.attempt("opening", async () => {
      const settings = await loadSettings();
      if (settings.signIn) await import("blindreel-ui/sign-in-view");
      this.settings = settings;
    });
    addEventListener("pagehide", () => this.review?.close());
  }

  private open(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    this.attempt("opening", async () => {
      const [address, files] = [fieldOf(form, "address"), filesOf(form, "folder")];
      if (!address && files.length === 0) throw new Problem("no-place");
      const key = this.key!;
      this.institution = await readInstitution(filesOf(form, "grant"), this.settings, key);
      const place =
        files.length > 0
          ? await placeIn(files)
          : await placeAt(address, this.settings, View.network, this.session);
      this.isOfServer = files.length === 0 && this.session?.isOf(new URL(address, location.href)) === true;
      const coreHash = fieldOf(form, "coreHash");
      this.review = await openPlace(place, { key, coreHash, grants: this.institution.grants });
    });
  }

  private async close(): Promise<void> {
    await this.review?.close();
    this.review = undefined;
  }

  protected override updated(changed: Map<string, unknown>): void {
    // What was on the page is gone: the focus goes on at the new part.
    if (changed.get("review") !== this.review && changed.has("review")) this.querySelector("h1")?.focus();
  }

  protected override render() {
    if (this.review)
      return html`<review-page .review=${this.review} .settings=${this.settings}
        .keyset=${this.institution.keyset} .own=${this.key} .session=${this.isOfServer ? this.session : undefined} @close=${this.close}></review-page>`;
    return html`
      <header><h1 tabindex="-1">${TEXT.title}</h1><p>${TEXT.privacy}</p></header>
      <main>
        <section aria-labelledby="key">
          <h2 id="key">${TEXT.key}</h2>
          ${
            this.key
              ? html`<p>${TEXT.keyReady}: <code>${this.key.thumbprint.slice(0, 16)}…</code></p>
                  <button class="secondary" @click=${() => Object.assign(this, { key: undefined })}>${TEXT.changeKey}</button>`
              : html`<key-form @key=${({ detail }: CustomEvent<OpeningKey>) => Object.assign(this, { key: detail })}></key-form>`
          }
        </section>
        <section aria-labelledby="recording">
          <h2 id="recording">${TEXT.recording}</h2>
          ${
            this.settings.signIn && this.settings.server
              ? html`<sign-in-view .settings=${this.settings} .session=${this.session}
                  @session=${({ detail }: CustomEvent<Session | undefined>) => Object.assign(this, { session: detail })}></sign-in-view>`
              : nothing
          }
          ${this.key ? this.recordingForm() : html`<p>${TEXT.keyFirst}</p>`}
          ${this.problemView()}
        </section>
        <section aria-labelledby="shown"><excerpt-view></excerpt-view></section>
      </main>`;
  }

  private recordingForm() {
    return html`<form @submit=${this.open}>
      <label>${TEXT.address}
        <input type="url" name="address" .value=${this.address} autocomplete="off" aria-describedby="address-help">
      </label>
      <small id="address-help">${TEXT.addressHelp}</small>
      <label>${TEXT.folder}<input type="file" name="folder" webkitdirectory multiple></label>
      <label>${TEXT.coreHash}
        <input name="coreHash" autocomplete="off" spellcheck="false" aria-describedby="core-hash-help">
      </label>
      <small id="core-hash-help">${TEXT.coreHashHelp}</small>
      <label>${TEXT.grantFiles}<input type="file" name="grant" multiple aria-describedby="grant-help"></label>
      <small id="grant-help">${TEXT.grantHelp}</small>
      <button aria-busy=${this.isBusy ? "true" : "false"} ?disabled=${this.isBusy}>${TEXT.open}</button>
    </form>`;
  }
}
if (answerSignIn()) document.body.textContent = TEXT.closeWindow;
else customElements.define("reviewer-app", ReviewerApp);
