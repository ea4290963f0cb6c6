import { requestAccess, type SigningKey } from "blindreel/keyset";
import { Problem } from "blindreel-ui/problems";
import { download, fieldOf, moment, View } from "blindreel-ui/view";
import { html, nothing } from "lit";
import type { Office } from "./office.js";
import { keepRequestKey, newRequestKey, protectRequestKey } from "./request-keys.js";
import { TEXT } from "./strings.js";

const DAY = 86_400_000;
const dayIn = (days: number): string => new Date(Date.now() + days * DAY).toISOString().slice(0, 10);

/** Asks for access: signs a request with a fresh key, keeps the key, leaves the request at the server. Tells by the event `change`. */
export class AskForm extends View {
  static override properties = {
    ...View.properties,
    office: { attribute: false },
    signer: { attribute: false },
    isFile: { state: true },
    sent: { state: true },
  };
  office!: Office;
  signer: SigningKey | undefined;
  private isFile = false;
  private sent:
    | { readonly notAfter: Date; readonly thumbprint: string; readonly isFile: boolean }
    | undefined;

  private ask(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    this.attempt("asking", async () => {
      const { office, signer, isFile } = this;
      this.sent = undefined;
      if (!signer) throw new Problem("no-signer");
      const [exam, list] = [
        fieldOf(form, "exam"),
        fieldOf(form, "recordings")
          .split(/[\s,]+/)
          .filter(Boolean),
      ];
      if ((exam === "") === (list.length === 0)) throw new Problem("what-for");
      const recordings = list.map((name) => coreHashOf(office, name.toLowerCase()));
      const notAfter = new Date(fieldOf(form, "until"));
      if (!(notAfter.getTime() > Date.now()) || notAfter.getTime() > Date.now() + 31 * DAY)
        throw new Problem("bad-end");
      const passphrase = fieldOf(form, "passphrase");
      if (isFile && !passphrase) throw new Problem("no-passphrase");
      const { institution } = office.keyset;
      const about = exam ? { exam } : { recordings };
      const claims = { institution, reason: fieldOf(form, "reason"), notAfter, ...about };
      const { request, identity } = await requestAccess(
        { ...claims, identity: await newRequestKey(office) },
        signer,
      ).catch((error) => {
        throw error instanceof RangeError || error instanceof TypeError ? new Problem("bad-reason") : error;
      });
      // The key first: what answers a request without it opens for nobody.
      const { thumbprint } = identity;
      if (isFile)
        download(
          await protectRequestKey(identity, passphrase),
          `request-${thumbprint.slice(0, 16)}.identity`,
        );
      else await keepRequestKey(identity, notAfter);
      await office.putPaper(request);
      this.sent = { notAfter, thumbprint, isFile };
      form.reset();
      this.dispatchEvent(new Event("change"));
    });
  }

  protected override render() {
    const { sent, isFile } = this;
    return html`<h2 id="ask">${TEXT.ask}</h2>
      <p>${TEXT.askHelp}</p>
      <form @submit=${this.ask}>
        <label>${TEXT.exam}<input name="exam" autocomplete="off" maxlength="256"></label>
        <label>${TEXT.orRecordings}<textarea name="recordings" rows="2" spellcheck="false"></textarea></label>
        <label>${TEXT.reason}<input name="reason" autocomplete="off" required maxlength="1024" aria-describedby="reason-help"></label>
        <small id="reason-help">${TEXT.reasonHelp}</small>
        <label>${TEXT.untilDay}<input type="date" name="until" required value=${dayIn(7)} min=${dayIn(1)} max=${dayIn(30)}></label>
        <label>${TEXT.keepIn}
          <select @change=${(event: Event) => Object.assign(this, { isFile: (event.target as HTMLSelectElement).value === "file" })}>
            <option value="browser">${TEXT.keepInBrowser}</option>
            <option value="file" ?selected=${isFile}>${TEXT.keepInFile}</option>
          </select></label>
        ${
          isFile
            ? html`<label>${TEXT.newPassphrase}<input type="password" name="passphrase" autocomplete="new-password"></label>`
            : nothing
        }
        <button aria-busy=${this.isBusy ? "true" : "false"} ?disabled=${this.isBusy}>${TEXT.sendRequest}</button>
      </form>
      <div role="status">${
        sent
          ? html`<p>${TEXT.requestSent} ${moment(sent.notAfter.getTime())}. ${sent.isFile ? TEXT.keyInFile : TEXT.keyInBrowser}
              <code>${sent.thumbprint}</code></p>`
          : nothing
      }</div>
      ${this.problemView()}`;
  }
}
customElements.define("ask-form", AskForm);

/** @param name an id or a coreHash. @throws Problem. */
function coreHashOf({ recordings }: Office, name: string): string {
  if (/^[0-9a-f]{64}$/.test(name)) return name;
  if (!/^[0-9a-f]{32}$/.test(name)) throw new Problem("bad-recordings", name);
  const found = recordings.find(({ id }) => id === name);
  if (!found) throw new Problem("unknown-recordings", name);
  return found.coreHash;
}
