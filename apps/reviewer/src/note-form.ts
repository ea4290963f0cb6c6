import "blindreel-ui/key-form";
import type { Recipients } from "blindreel";
import type { SigningKey } from "blindreel/keyset";
import type { RecordingReview } from "blindreel/review";
import type { Settings } from "blindreel-ui/settings";
import type { Session } from "blindreel-ui/sign-in";
import { download, fieldOf, View } from "blindreel-ui/view";
import { html, nothing } from "lit";
import { type Note, noteName, putBeside, putNote, sealNote } from "./notes.js";
import { TEXT } from "./strings.js";

/** Writes notes: signed, sealed to the institution, then put or saved. */
export class NoteForm extends View {
  static override properties = {
    ...View.properties,
    signer: { state: true },
    sent: { state: true },
  };
  review!: RecordingReview;
  settings!: Settings;
  to!: Recipients;
  /** Where the recording is the server's. */
  session: Session | undefined;
  /** Whether those are the institution's by its keyset. */
  isOfKeyset = false;
  /** The present position. */
  at: () => Date = () => new Date(0);
  private signer: SigningKey | undefined;
  private sent: readonly string[] = [];

  private send(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    this.attempt("note", async () => {
      const note = {
        kind: fieldOf(form, "kind") as Note["kind"],
        text: fieldOf(form, "text"),
        at: this.at(),
      };
      if (note.text === "") return;
      const sealed = await sealNote(note, this.review, { signer: this.signer!, to: this.to });
      const { notes } = this.settings;
      const { review, session } = this;
      const name = session
        ? await putBeside(sealed, review, "notes", session)
        : notes
          ? await putNote(sealed, review, notes, View.network)
          : noteName();
      if (!session && !notes) download(sealed, name);
      this.sent = [...this.sent, name];
      form.reset();
      this.dispatchEvent(new CustomEvent("sent", { detail: name }));
    });
  }

  protected override render() {
    const { signer } = this;
    return html`<h2 id="notes">${TEXT.notes}</h2>
      <p>${this.isOfKeyset ? TEXT.notesHelp : TEXT.notesOwn}</p>
      ${
        signer
          ? html`<form @submit=${this.send}>
              <label>${TEXT.kind}<select name="kind">
                <option value="note">${TEXT.note}</option>
                <option value="determination">${TEXT.determination}</option>
              </select></label>
              <label>${TEXT.noteText}<textarea name="text" rows="4" required></textarea></label>
              <button ?disabled=${this.isBusy}>${this.session || this.settings.notes ? TEXT.sendNote : TEXT.saveNote}</button>
            </form>`
          : html`<h3>${TEXT.signingKey}</h3>
              <key-form for="signs" @key=${({ detail }: CustomEvent<SigningKey>) => Object.assign(this, { signer: detail })}></key-form>`
      }
      <div role="status">${this.sent.map((name) => html`<p>${TEXT.noteSent} <code>${name}</code></p>`)}</div>
      ${signer ? this.problemView() : nothing}`;
  }
}
customElements.define("note-form", NoteForm);
