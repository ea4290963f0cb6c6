import { isBlindreelError, open } from "blindreel";
import { type VerifiedDirectory, type VerifiedKeyset, verifyDirectory } from "blindreel/keyset";
import type { RecordingReview } from "blindreel/review";
import type { OpeningKey } from "blindreel-ui/keys";
import { type Settings, textAt } from "blindreel-ui/settings";
import type { Session } from "blindreel-ui/sign-in";
import { clock, moment, View } from "blindreel-ui/view";
import { html, nothing } from "lit";
import strings from "./earlier-notes.json" with { type: "json" };
import { type ReadNote, readNote } from "./notes.js";
import { TEXT } from "./strings.js";

/**
 * What is known of a note that is at the server. Whoever knows the institution's keyset can seal one, the server too: only the
 * signature of somebody whom the directory names says that it is a note of staff.
 */
type Standing = "signed" | "stranger" | "forged" | "elsewhere" | "closed" | "damaged";

interface EarlierNote {
  readonly name: string;
  readonly standing: Standing;
  /** Pseudonym of the signer, or the thumbprint of a stranger's key. */
  readonly by?: string;
  readonly note?: ReadNote["note"];
}

/** Notes that are at the server already: opened by the key of the recording's bucket, verified by the directory. */
export class EarlierNotes extends View {
  static override properties = {
    ...View.properties,
    latest: { attribute: false },
    notes: { state: true },
  };
  review!: RecordingReview;
  settings!: Settings;
  session!: Session;
  identities!: OpeningKey;
  keyset: VerifiedKeyset | undefined;
  /** Changes when a note was added. */
  latest = "";
  private notes: readonly EarlierNote[] = [];
  private directory: VerifiedDirectory | undefined;

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("latest")) this.follow("loading", () => this.read());
  }

  private async read(): Promise<void> {
    const { settings, keyset, session, review } = this;
    if (settings.directory && keyset)
      this.directory ??= await verifyDirectory(await textAt(settings.directory), { keyset });
    const path = `recordings/${review.recordingId}/notes`;
    const { names } = (await (await session.ask(path)).json()) as { names: readonly string[] };
    const known = new Set(this.notes.map(({ name }) => name));
    for (const name of names) {
      if (known.has(name)) continue;
      const bytes = new Uint8Array(await (await session.ask(`${path}/${name}`)).arrayBuffer());
      this.notes = [...this.notes, { name, ...(await this.opened(bytes)) }].sort(
        (one, other) => age(one) - age(other),
      );
    }
  }

  private async opened(bytes: Uint8Array): Promise<Omit<EarlierNote, "name">> {
    const { identities, review, directory } = this;
    try {
      const { data } = await open(bytes, { identities });
      const { by, note, recordingId, coreHash, isSignedBy } = readNote(data);
      if (recordingId !== review.recordingId || coreHash !== review.coreHash)
        return { standing: "elsewhere" };
      const member = directory?.member(by);
      if (!member) return { standing: "stranger", by, note };
      if (!(await isSignedBy(member.key))) return { standing: "forged" };
      return { standing: "signed", by: member.holder, note };
    } catch (error) {
      return { standing: isBlindreelError(error) && error.code === "no-matching-key" ? "closed" : "damaged" };
    }
  }

  protected override render() {
    return html`<h3>${strings.title}</h3>
      ${this.notes.length === 0 && !this.isBusy ? html`<p>${strings.none}</p>` : nothing}
      <ol class="notes">${this.notes.map(({ name, standing, by, note }) => {
        const written = note && html`<blockquote>${note.text}</blockquote>`;
        const at = note && clock(note.at.getTime() - (this.review.startedAt?.getTime() ?? 0));
        return html`<li>
          <p>${note ? html`${TEXT[note.kind]}, ${at}, ${moment(note.made.getTime())}. ` : nothing}${strings.standings[standing]} <code>${by ?? name}</code></p>
          ${standing === "stranger" ? html`<details><summary>${strings.showAnyway}</summary>${written}</details>` : written}
        </li>`;
      })}</ol>
      ${this.problemView()}`;
  }
}
customElements.define("earlier-notes", EarlierNotes);

const age = ({ note }: EarlierNote): number => note?.made.getTime() ?? Number.POSITIVE_INFINITY;
