import type { Identity } from "blindreel";
import { approveRequest, grantAccess, type SigningKey } from "blindreel/keyset";
import { Problem } from "blindreel-ui/problems";
import { download, moment, View } from "blindreel-ui/view";
import { html, nothing, type TemplateResult } from "lit";
import { examOf, type Office, type StoredRecording } from "./office.js";
import type { People } from "./people.js";
import type { AskedAccess, FoundGrant } from "./requests.js";
import { TEXT } from "./strings.js";

/** Recordings that a grant of a request may be about: whoever grants decides. */
interface Choice {
  readonly request: AskedAccess;
  readonly recordings: readonly StoredRecording[];
}

/** Requests, what answered them, and how somebody answers. Tells by the event `change`. */
export class RequestList extends View {
  static override properties = {
    ...View.properties,
    office: { attribute: false },
    requests: { attribute: false },
    people: { attribute: false },
    signer: { attribute: false },
    bucketKeys: { attribute: false },
    choice: { state: true },
  };
  office!: Office;
  requests: readonly AskedAccess[] = [];
  people!: People;
  signer: SigningKey | undefined;
  bucketKeys: readonly Identity[] = [];
  private choice: Choice | undefined;

  private changed(): void {
    this.choice = undefined;
    this.dispatchEvent(new Event("change"));
  }

  private approve({ text }: AskedAccess): void {
    this.attempt("approving", async () => {
      if (!this.signer) throw new Problem("no-signer");
      const { directory } = this.office;
      await this.office.putPaper(await approveRequest(text, this.signer, { directory }));
      this.changed();
    });
  }

  private choose(request: AskedAccess): void {
    this.attempt("granting", async () => {
      if (!this.signer) throw new Problem("no-signer");
      if (this.bucketKeys.length === 0) throw new Problem("no-bucket-key");
      const { exam, recordings: asked } = request.claims!;
      const { recordings } = this.office;
      const isMeant = async (each: StoredRecording): Promise<boolean> =>
        asked ? asked.includes(each.coreHash) : (await examOf(each, this.bucketKeys)) === exam;
      const meant = await Promise.all(recordings.map(isMeant));
      const found = recordings.filter((_, i) => meant[i]);
      if (found.length === 0 || (asked && found.length < asked.length)) throw new Problem("not-here");
      this.choice = { request, recordings: found };
    });
  }

  private grant(event: SubmitEvent, { request, recordings }: Choice): void {
    event.preventDefault();
    const chosen = new FormData(event.target as HTMLFormElement).getAll("recording");
    this.attempt("granting", async () => {
      const { office, signer } = this;
      const envelopes = recordings.filter(({ id }) => chosen.includes(id)).map(({ envelope }) => envelope);
      if (envelopes.length === 0) throw new Problem("none-chosen");
      const { keyset, directory } = office;
      const { importXWingRecipient } = await import("blindreel/x-wing");
      const given = { envelopes, identities: this.bucketKeys, issuer: signer!, keyset, directory };
      const approvals = request.approvals.filter(({ by }) => directory.isGrantor(by));
      const bytes = await grantAccess(request.text, {
        ...given,
        importKey: importXWingRecipient,
        ...(approvals[0] && { approval: approvals[0].text }),
      });
      await office.putPaper(bytes);
      this.changed();
    });
  }

  protected override render() {
    const open = this.requests.filter(({ claims }) => claims);
    const ended = this.requests.length - open.length;
    return html`<h2 id="requests">${TEXT.requests}</h2>
      <p>${this.office.keyset.approvals > 1 ? TEXT.twoDecide : TEXT.oneDecides}</p>
      ${open.length === 0 ? html`<p>${TEXT.noRequests}</p>` : open.map((each) => this.request(each))}
      ${ended > 0 ? html`<p>${TEXT.endedRequests} ${ended}</p>` : nothing}
      ${this.problemView()}`;
  }

  private request(asked: AskedAccess): TemplateResult {
    const { claims, approvals, grants, text, hash } = asked;
    const { holder, exam, recordings, reason, notAfter } = claims!;
    const { people, isBusy, choice } = this;
    const what = exam === undefined ? `${recordings!.length} ${TEXT.ofRecordings}` : `${TEXT.ofExam} ${exam}`;
    return html`<section class="request" aria-label=${reason}>
      <h3>${people.nameOf(holder)}: ${what}</h3>
      <p>${TEXT.because} <q>${reason}</q>, ${TEXT.until} ${moment(notAfter.getTime())}.</p>
      ${approvals.map(({ by }) => html`<p>${TEXT.approvedBy} ${people.signer(by)}. ${TEXT.approvalHelp}</p>`)}
      ${grants.map((grant) => this.granted(grant))}
      <p class="screen">
        <button class="secondary" ?disabled=${isBusy} @click=${() => this.approve(asked)}>${TEXT.approve}</button>
        <button ?disabled=${isBusy} @click=${() => this.choose(asked)}>${TEXT.grant}</button>
        <button class="secondary" @click=${() => download(new TextEncoder().encode(text), `${hash.slice(0, 16)}.request.jws`)}>${TEXT.saveRequest}</button>
      </p>
      ${choice?.request.hash === hash ? this.choiceForm(choice) : nothing}
    </section>`;
  }

  private granted({ issuer, notAfter, grantId, bytes }: FoundGrant): TemplateResult {
    const isWithdrawn = this.office.directory.isWithdrawn(grantId);
    return html`<p>${TEXT.grantedBy} ${this.people.signer(issuer)}, ${TEXT.until} ${moment(notAfter.getTime())}.
      ${isWithdrawn ? TEXT.withdrawn : nothing}
      <button class="secondary" @click=${() => download(bytes, `${grantId}.grant`)}>${TEXT.saveGrant}</button></p>`;
  }

  private choiceForm(choice: Choice): TemplateResult {
    return html`<form @submit=${(event: SubmitEvent) => this.grant(event, choice)}>
      <fieldset><legend>${TEXT.choose}</legend>${choice.recordings.map(
        ({ id, createdAt }) =>
          html`<label><input type="checkbox" name="recording" value=${id} checked><code>${id}</code> ${TEXT.made} ${moment(createdAt.getTime())}</label>`,
      )}</fieldset>
      <button ?disabled=${this.isBusy}>${TEXT.grantThese}</button>
    </form>`;
  }
}
customElements.define("request-list", RequestList);
