import type { Identity } from "blindreel";
import { type Access, type GrantRecord, whoCanOpen } from "blindreel/keyset";
import { moment, View } from "blindreel-ui/view";
import { html, nothing, type TemplateResult } from "lit";
import { examOf, type Office, type StoredRecording } from "./office.js";
import type { People } from "./people.js";
import { type AskedAccess, grantRecords } from "./requests.js";
import { KINDS, REFUSED, TEXT } from "./strings.js";

interface Row {
  readonly recording: StoredRecording;
  readonly access: readonly Access[];
}

/** Who can open what until when, of every recording that was fetched. */
export class WhoTable extends View {
  static override properties = {
    ...View.properties,
    office: { attribute: false },
    requests: { attribute: false },
    people: { attribute: false },
    keys: { attribute: false },
    rows: { state: true },
  };
  office!: Office;
  requests: readonly AskedAccess[] = [];
  people!: People;
  /** By which exams are told apart. */
  keys: readonly Identity[] = [];
  private rows: readonly Row[] = [];

  protected override updated(changed: Map<string, unknown>): void {
    if (["office", "requests", "keys"].some((name) => changed.has(name)))
      this.follow("loading", () => this.look());
  }

  private async look(): Promise<void> {
    const grants = await grantRecords(this.requests, this.office);
    this.rows = await Promise.all(this.office.recordings.map((each) => this.row(each, grants)));
  }

  private async row(recording: StoredRecording, grants: readonly GrantRecord[]): Promise<Row> {
    const { keyset, directory } = this.office;
    const exam = await examOf(recording, this.keys);
    const options = { keyset, directory, grants, ...(exam !== undefined && { exam }) };
    return { recording, access: await whoCanOpen(recording.envelope, options) };
  }

  private more(): void {
    this.attempt("loading", async () => {
      await this.office.readRecordings();
      await this.look();
    });
  }

  protected override render() {
    const { rows, office } = this;
    return html`<h2 id="who">${TEXT.who}</h2>
      <p>${TEXT.whoHelp}</p>
      ${
        rows.length === 0
          ? html`<p>${TEXT.noRecordings}</p>`
          : html`<div class="table" tabindex="0" role="region" aria-labelledby="who"><table>
              <thead><tr>${[TEXT.recording, TEXT.person, TEXT.why, TEXT.untilDay, TEXT.now].map(
                (name) => html`<th scope="col">${name}</th>`,
              )}</tr></thead>
              <tbody>${rows.map((row) => this.rowsOf(row))}</tbody>
            </table></div>`
      }
      ${office.next ? html`<button class="secondary" ?disabled=${this.isBusy} @click=${this.more}>${TEXT.more}</button>` : nothing}
      <button class="secondary" @click=${() => print()}>${TEXT.print}</button>
      ${this.problemView()}`;
  }

  private rowsOf({ recording, access }: Row): TemplateResult[] {
    const { id, createdAt, expiresAt } = recording;
    return access.map(
      ({ kind, who, why, until, refused }, i) => html`<tr>
        ${
          i === 0
            ? html`<th scope="row" rowspan=${access.length}><code>${id}</code><br>
                ${TEXT.made} ${moment(createdAt.getTime())}${expiresAt ? html`<br>${TEXT.expires} ${moment(expiresAt.getTime())}` : nothing}</th>`
            : nothing
        }
        <td>${kind === "grant" ? this.people.nameOf(who) : html`${KINDS[kind]} <code>${who.slice(0, 16)}</code>`}</td>
        <td>${this.people.named(why)}</td>
        <td>${until ? moment(until.getTime()) : TEXT.noEnd}</td>
        <td>${refused ? html`${TEXT.noMore}: ${REFUSED[refused]}` : TEXT.canOpen}</td>
      </tr>`,
    );
  }
}
customElements.define("who-table", WhoTable);
