import { html, nothing } from "lit";
import { type KeyRole, type Keys, keep, keptKeys, loadKept, type OpeningKey, readKey } from "./keys.js";
import { TEXT } from "./strings.js";
import { bytesOf, fieldOf, filesOf, View } from "./view.js";

/** Picks a private key: of a file, by passphrase or passkey, or of the browser's store. Tells by the event `key`. */
export class KeyForm extends View {
  static override properties = {
    ...View.properties,
    for: { type: String },
    kept: { state: true },
    progress: { state: true },
  };
  for: KeyRole = "opens";
  private kept: readonly string[] = [];
  private progress = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.for === "opens") keptKeys().then((kept) => Object.assign(this, { kept }));
  }

  private readonly onProgress = (progress: number): void => void Object.assign(this, { progress });

  private done(key: Keys[KeyRole]): void {
    this.dispatchEvent(new CustomEvent("key", { detail: key }));
  }

  private useFile(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const passphrase = fieldOf(form, "passphrase");
    this.attempt("key", async () => {
      const key = await readKey(this.for, {
        files: await Promise.all(filesOf(form, "files").map(bytesOf)),
        passphrase,
        isPasskey: fieldOf(form, "passkey") !== "",
        thumbprint: fieldOf(form, "thumbprint"),
        onProgress: this.onProgress,
      });
      if (fieldOf(form, "keep")) await keep(key as OpeningKey, passphrase);
      this.done(key);
    });
  }

  private useKept(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    this.attempt("key", async () =>
      this.done(await loadKept(fieldOf(form, "kept"), fieldOf(form, "passphrase"), this.onProgress)),
    );
  }

  protected override render() {
    const opens = this.for === "opens";
    return html`
      ${
        this.kept.length > 0
          ? html`<form @submit=${this.useKept}>
              <label>${TEXT.kept}
                <select name="kept">${this.kept.map(
                  (each) => html`<option value=${each}>${each.slice(0, 16)}…</option>`,
                )}</select>
              </label>
              <label>${TEXT.passphrase}<input type="password" name="passphrase" autocomplete="off"></label>
              <button ?disabled=${this.isBusy}>${TEXT.useKept}</button>
            </form><hr>`
          : nothing
      }
      <form @submit=${this.useFile}>
        <label>${TEXT.keyFile}<input type="file" name="files" multiple></label>
        <label>${TEXT.passphrase}<input type="password" name="passphrase" autocomplete="off"></label>
        <label>${TEXT.thumbprint}<input name="thumbprint" autocomplete="off" spellcheck="false"></label>
        <label><input type="checkbox" name="passkey">${TEXT.usePasskey}</label>
        ${opens ? html`<label><input type="checkbox" name="keep">${TEXT.keepKey}</label>` : nothing}
        <button aria-busy=${this.isBusy ? "true" : "false"} ?disabled=${this.isBusy}>${TEXT.useKey}</button>
      </form>
      ${this.isBusy ? html`<progress aria-label=${TEXT.working} .value=${this.progress}></progress>` : nothing}
      ${this.problemView()}`;
  }
}
customElements.define("key-form", KeyForm);
