import { importRecipient, type JsonObject, seal } from "blindreel";
import type { RecordingReview } from "blindreel/review";
import type { Session } from "blindreel-ui/sign-in";
import { fieldOf, View } from "blindreel-ui/view";
import { html } from "lit";
import { putBeside } from "./notes.js";
import { TEXT } from "./strings.js";

/** Answers the test taker, sealed to the exam's key for replies. */
export class ReplyForm extends View {
  static override properties = { ...View.properties, sent: { state: true } };
  review!: RecordingReview;
  session!: Session;
  replyTo!: JsonObject;
  private sent: readonly string[] = [];

  private send(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    this.attempt("reply", async () => {
      const text = fieldOf(form, "text");
      if (text === "") return;
      const reply = new TextEncoder().encode(JSON.stringify({ at: new Date().toISOString(), text }));
      const sealed = await seal(reply, {
        to: await importRecipient(this.replyTo as never),
        padding: "chunk",
      });
      this.sent = [...this.sent, await putBeside(sealed, this.review, "replies", this.session)];
      form.reset();
    });
  }

  protected override render() {
    return html`<h2 id="reply">${TEXT.reply}</h2>
      <p>${TEXT.replyHelp}</p>
      <form @submit=${this.send}>
        <label>${TEXT.replyText}<textarea name="text" rows="3" required></textarea></label>
        <button ?disabled=${this.isBusy}>${TEXT.sendReply}</button>
      </form>
      <div role="status">${this.sent.map((name) => html`<p>${TEXT.replySent} <code>${name}</code></p>`)}</div>
      ${this.problemView()}`;
  }
}
customElements.define("reply-form", ReplyForm);
