import { html, nothing } from "lit";
import { explain } from "./problems.js";
import type { Settings } from "./settings.js";
import { type Session, signIn } from "./sign-in.js";
import { TEXT } from "./strings.js";
import { View } from "./view.js";

/** Signs somebody in and out. Tells by the event `session`. */
export class SignInView extends View {
  static override properties = {
    ...View.properties,
    settings: { attribute: false },
    session: { attribute: false },
  };
  settings!: Settings;
  session: Session | undefined;
  private ending = new AbortController();

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.ending.abort();
  }

  private tell(session: Session | undefined): void {
    this.dispatchEvent(new CustomEvent("session", { detail: session }));
  }

  /** A window that was closed says nothing: another click begins anew. */
  private start(): void {
    this.ending.abort();
    this.ending = new AbortController();
    const { signal } = this.ending;
    const { signIn: provider, server } = this.settings;
    Object.assign(this, { problem: undefined, isBusy: true });
    signIn(provider!, { server: server!, network: View.network, signal })
      .then(
        (session) => this.tell(session),
        (error) => {
          if (!signal.aborted) this.problem = explain(error, "signing-in");
        },
      )
      .finally(() => {
        if (!signal.aborted) this.isBusy = false;
      });
  }

  protected override render() {
    if (this.session)
      return html`<p>${TEXT.signedIn} <code>${this.session.subject}</code>
        <button class="secondary" @click=${() => this.tell(undefined)}>${TEXT.signOut}</button></p>`;
    return html`<p>${TEXT.signInHelp}</p>
      <button @click=${this.start}>${TEXT.signIn}</button>
      ${this.isBusy ? html`<p role="status">${TEXT.signInWaits}</p>` : nothing}
      ${this.problemView()}`;
  }
}
customElements.define("sign-in-view", SignInView);
