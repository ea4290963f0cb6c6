import "./note-form.js";
import "./playback.js";
import "./reply-form.js";
import "./verdict-view.js";
import type { JsonObject, JsonValue, Recipients } from "blindreel";
import type { VerifiedKeyset } from "blindreel/keyset";
import type { Gap, RecordingReview, Verdict } from "blindreel/review";
import type { OpeningKey } from "blindreel-ui/keys";
import { Problem } from "blindreel-ui/problems";
import type { Settings } from "blindreel-ui/settings";
import type { Session } from "blindreel-ui/sign-in";
import { clock, download, fieldOf, parseClock, View } from "blindreel-ui/view";
import { html, nothing } from "lit";
import type { Playback } from "./playback.js";
import { TEXT } from "./strings.js";

/** An opened recording: verdict, playback, excerpts, notes, and what its envelope says. */
export class ReviewPage extends View {
  static override properties = {
    ...View.properties,
    review: { attribute: false },
    gaps: { state: true },
    latest: { state: true },
  };
  review!: RecordingReview;
  settings!: Settings;
  /** Where the recording is the server's, and somebody is signed in. */
  session: Session | undefined;
  /** To whom notes are sealed: the institution's keyset, or the key that opened the recording. */
  keyset: VerifiedKeyset | undefined;
  own!: OpeningKey;
  private gaps: readonly Gap[] = [];
  /** The note that was sent last. */
  private latest = "";

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.session) this.attempt("loading", async () => void (await import("./earlier-notes.js")));
  }

  private get playback(): Playback {
    return this.querySelector("review-playback")!;
  }

  private readonly now = (): Date => new Date((this.review.startedAt?.getTime() ?? 0) + this.playback.time);

  private saveExcerpt(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    this.attempt("excerpt", async () => {
      const [from, to] = [parseClock(fieldOf(form, "from")), parseClock(fieldOf(form, "to"))];
      if (!(from < to)) throw new Problem("bad-time");
      const began = this.review.startedAt?.getTime() ?? 0;
      const track = fieldOf(form, "track");
      const bytes = await this.review.excerpt(track, {
        from: new Date(began + from),
        to: new Date(began + to),
      });
      download(bytes, `${track}-${clock(from).replaceAll(":", ".")}.excerpt`);
    });
  }

  private setHere({ currentTarget }: Event): void {
    const field = (currentTarget as HTMLElement).closest("fieldset")!.querySelector("input")!;
    field.value = clock(this.playback.time);
  }

  protected override render() {
    const { review, settings } = this;
    const { exam, replyTo } = review.metadata ?? {};
    const to: Recipients = this.keyset ?? this.own.recipient;
    return html`
      <header>
        <h1 tabindex="-1">${typeof exam === "string" ? exam : TEXT.untitled}</h1>
        <button class="secondary" @click=${() => this.dispatchEvent(new Event("close"))}>${TEXT.close}</button>
      </header>
      <main>
        <section aria-labelledby="verdict">
          <verdict-view .review=${review}
            @verdict=${({ detail }: CustomEvent<Verdict>) => Object.assign(this, { gaps: detail.gaps })}></verdict-view>
        </section>
        <review-playback .review=${review} .settings=${settings} .gaps=${this.gaps}></review-playback>
        <section aria-labelledby="excerpt">${this.excerptForm()}</section>
        <section aria-labelledby="notes">
          <note-form .review=${review} .settings=${settings} .to=${to}
            .isOfKeyset=${this.keyset !== undefined} .at=${this.now} .session=${this.session}
            @sent=${({ detail }: CustomEvent<string>) => Object.assign(this, { latest: detail })}></note-form>
          ${
            this.session
              ? html`<earlier-notes .review=${review} .settings=${settings} .session=${this.session} .keyset=${this.keyset}
                  .identities=${this.own} .latest=${this.latest}></earlier-notes>`
              : nothing
          }
        </section>
        ${
          this.session && isKey(replyTo)
            ? html`<section aria-labelledby="reply">
                <reply-form .review=${review} .session=${this.session} .replyTo=${replyTo}></reply-form>
              </section>`
            : nothing
        }
        <section aria-labelledby="details">${this.details()}</section>
      </main>`;
  }

  private excerptForm() {
    const time = (name: "from" | "to") => html`<fieldset>
      <label>${TEXT[name]}<input name=${name} value="0:00" required inputmode="numeric"></label>
      <button type="button" class="secondary" @click=${this.setHere}>${TEXT.here}</button>
    </fieldset>`;
    return html`<h2 id="excerpt">${TEXT.excerpt}</h2>
      <p>${TEXT.excerptHelp}</p>
      <form @submit=${this.saveExcerpt}>
        <label>${TEXT.track}<select name="track">${this.review.tracks.map(
          ({ name }) => html`<option>${name}</option>`,
        )}</select></label>
        ${time("from")}${time("to")}
        <button aria-busy=${this.isBusy ? "true" : "false"} ?disabled=${this.isBusy}>${TEXT.saveExcerpt}</button>
      </form>
      ${this.problemView()}`;
  }

  private details() {
    const { metadata, policy, createdAt, recordingId, coreHash, reason } = this.review;
    const rows: readonly (readonly [string, unknown])[] = [
      ...Object.entries(metadata ?? {}),
      [TEXT.made, createdAt.toLocaleString("en", { dateStyle: "medium", timeStyle: "short" })],
      [TEXT.expires, policy.expiresAt?.toLocaleDateString("en", { dateStyle: "medium" })],
      [TEXT.region, policy.region],
      [TEXT.institution, policy.institution],
      [TEXT.ended, reason],
      [TEXT.recordingId, recordingId],
      [TEXT.fingerprint, coreHash],
    ];
    return html`<h2 id="details">${TEXT.details}</h2>
      <dl>${rows.map(([name, value]) =>
        value === undefined
          ? nothing
          : html`<dt>${name}</dt><dd>${typeof value === "string" ? value : JSON.stringify(value)}</dd>`,
      )}</dl>`;
  }
}
customElements.define("review-page", ReviewPage);

const isKey = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
