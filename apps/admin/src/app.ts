import "./ask-form.js";
import "./endings-table.js";
import "./request-list.js";
import "./who-table.js";
import "blindreel-ui/key-form";
import "blindreel-ui/sign-in-view";
import type { SigningKey } from "blindreel/keyset";
import type { OpeningKey } from "blindreel-ui/keys";
import { loadSettings, type Settings } from "blindreel-ui/settings";
import type { Session } from "blindreel-ui/sign-in";
import { answerSignIn } from "blindreel-ui/sign-in-answer";
import { bytesOf, View } from "blindreel-ui/view";
import { html, nothing } from "lit";
import { Office } from "./office.js";
import { People } from "./people.js";
import { forgetEndedKeys } from "./request-keys.js";
import { type AskedAccess, readRequests } from "./requests.js";
import { TEXT } from "./strings.js";

/** The page: a sign-in, then the institution's statements, and what people decide by them. */
class AdminApp extends View {
  static override properties = {
    ...View.properties,
    ...{ settings: { state: true }, session: { state: true }, office: { state: true } },
    ...{ requests: { state: true }, people: { state: true } },
    ...{ signer: { state: true }, bucketKeys: { state: true } },
  };
  private settings: Settings | undefined;
  private session: Session | undefined;
  private office: Office | undefined;
  private requests: readonly AskedAccess[] = [];
  private people: People | undefined;
  private signer: SigningKey | undefined;
  private bucketKeys: readonly OpeningKey[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    this.attempt("loading", async () => {
      this.settings = await loadSettings();
      await forgetEndedKeys();
    });
  }

  private signedIn({ detail: session }: CustomEvent<Session | undefined>): void {
    Object.assign(this, { session, office: undefined, people: undefined, signer: undefined, bucketKeys: [] });
    if (session) this.follow("loading", () => this.load(session));
  }

  private async load(session: Session): Promise<void> {
    if (this.session !== session) return;
    const office = await Office.open(this.settings!, session);
    const requests = await readRequests(office);
    if (this.session !== session) return;
    this.requests = requests;
    this.people ??= new People(office.directory);
    this.office = office;
  }

  private readonly refresh = (): void => {
    this.attempt("loading", async () => {
      this.requests = await readRequests(this.office!);
    });
  };

  private pickPeople({ target }: Event): void {
    this.attempt("loading", async () => {
      const [file] = (target as HTMLInputElement).files ?? [];
      if (file)
        this.people = People.read(new TextDecoder().decode(await bytesOf(file)), this.office!.directory);
    });
  }

  protected override updated(changed: Map<string, unknown>): void {
    // What was on the page is gone: the focus goes on at the new part.
    if (changed.has("office") && this.office) this.querySelector("h1")?.focus();
  }

  protected override render() {
    const { settings, session, office } = this;
    return html`
      <header><h1 tabindex="-1">${TEXT.title}</h1><p>${TEXT.privacy}</p></header>
      <main>
        ${
          settings?.signIn && settings.server
            ? html`<sign-in-view .settings=${settings} .session=${session} @session=${this.signedIn}></sign-in-view>`
            : settings && html`<p>${TEXT.notSetUp}</p>`
        }
        ${this.isBusy ? html`<progress aria-label=${TEXT.working}></progress>` : nothing}
        ${this.problemView()}
        ${office ? this.parts(office) : nothing}
      </main>`;
  }

  private parts(office: Office) {
    const { requests, people, signer, bucketKeys } = this;
    const { keyset, directory } = office;
    return html`
      <p>${TEXT.institution} <code>${keyset.institution}</code>. ${TEXT.statements} ${keyset.sequence}, ${directory.sequence}.</p>
      <section aria-labelledby="who">
        <who-table .office=${office} .requests=${requests} .people=${people} .keys=${bucketKeys}></who-table>
        <label class="screen">${TEXT.people}<input type="file" @change=${this.pickPeople} aria-describedby="people-help"></label>
        <small id="people-help" class="screen">${TEXT.peopleHelp}</small>
      </section>
      <section aria-labelledby="keys" class="screen">
        <h2 id="keys">${TEXT.keys}</h2>
        ${
          signer
            ? html`<p>${TEXT.signingAs} ${people?.signer(signer.thumbprint)}</p>`
            : html`<details><summary>${TEXT.signingKey}</summary>
                <key-form for="signs" @key=${({ detail }: CustomEvent<SigningKey>) => Object.assign(this, { signer: detail })}></key-form>
              </details>`
        }
        <details><summary>${TEXT.bucketKey}</summary>
          <p>${TEXT.bucketKeyHelp}</p>
          ${bucketKeys.map(({ thumbprint }) => html`<p>${TEXT.bucketKeyReady} <code>${thumbprint.slice(0, 16)}</code></p>`)}
          <key-form @key=${({ detail }: CustomEvent<OpeningKey>) => Object.assign(this, { bucketKeys: [...bucketKeys, detail] })}></key-form>
        </details>
      </section>
      <section aria-labelledby="requests">
        <request-list .office=${office} .requests=${requests} .people=${people} .signer=${signer}
          .bucketKeys=${bucketKeys} @change=${this.refresh}></request-list>
      </section>
      <section aria-labelledby="ask" class="screen">
        <ask-form .office=${office} .signer=${signer} @change=${this.refresh}></ask-form>
      </section>
      <section aria-labelledby="endings">
        <endings-table .office=${office} .count=${office.recordings.length}></endings-table>
      </section>`;
  }
}

if (answerSignIn()) document.body.textContent = TEXT.closeWindow;
else customElements.define("admin-app", AdminApp);
