import type { PublishedKey } from "blindreel/keyset";
import { moment } from "blindreel-ui/view";
import { html, LitElement, nothing } from "lit";
import type { Office, StoredRecording } from "./office.js";
import { TEXT } from "./strings.js";

const DAY = 86_400_000;

/** Buckets by their ends, and what goes with each; the ends of keyset and directory before them. */
export class EndingsTable extends LitElement {
  static override properties = { office: { attribute: false }, count: { attribute: false } };
  office!: Office;
  /** Of the recordings that were fetched: one more is drawn anew. */
  count = 0;

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render() {
    const { keyset, directory, buckets } = this.office;
    const inOrder = [...buckets].sort(
      (one, other) => one.destroyAfter.getTime() - other.destroyAfter.getTime(),
    );
    return html`<h2 id="endings">${TEXT.endings}</h2>
      <p>${TEXT.keysetEnds} ${this.end(keyset.expires)}. ${TEXT.directoryEnds} ${this.end(directory.expires)}.</p>
      <p>${TEXT.endingsHelp}</p>
      <div class="table" tabindex="0" role="region" aria-labelledby="endings"><table>
        <thead><tr>${[TEXT.bucket, TEXT.bucketFrom, TEXT.bucketEnds, TEXT.goesWithIt].map(
          (name) => html`<th scope="col">${name}</th>`,
        )}</tr></thead>
        <tbody>${inOrder.map((bucket) => this.row(bucket))}</tbody>
      </table></div>`;
  }

  private row(bucket: PublishedKey) {
    const { keyId, regions, expiresFrom, destroyAfter } = bucket;
    const recordings = this.office.recordings.filter(({ keyIds }) => keyIds.includes(keyId));
    return html`<tr>
      <th scope="row"><code>${keyId.slice(0, 16)}</code>${regions ? html`<br>${regions.join(", ")}` : nothing}</th>
      <td>${moment(expiresFrom!.getTime())}</td>
      <td>${this.end(destroyAfter)}</td>
      <td>${recordings.length === 0 ? TEXT.nothing : recordings.map((each) => this.recording(each))}</td>
    </tr>`;
  }

  private recording({ id, expiresAt }: StoredRecording) {
    return html`<p><code>${id}</code>${expiresAt ? html`, ${TEXT.expires} ${moment(expiresAt.getTime())}` : nothing}</p>`;
  }

  /** The date, and in words what no colour has to say. */
  private end(date: Date) {
    const days = Math.ceil((date.getTime() - Date.now()) / DAY);
    const word = days <= 0 ? TEXT.over : days <= 14 ? TEXT.soon : "";
    return html`${moment(date.getTime())} (${days} ${TEXT.days}${word && html`; <strong>${word}</strong>`})`;
  }
}
customElements.define("endings-table", EndingsTable);
