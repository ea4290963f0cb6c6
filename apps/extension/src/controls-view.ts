import { html, nothing } from "lit";
import type { Commands, ExamView, Reply } from "./channel.js";
import { askForDevices } from "./consent-view.js";
import { devicesOf } from "./media.js";
import { DEVICE_NAMES, TEXT } from "./strings.js";
import { download, fieldOf, View } from "./view.js";

interface Line {
  readonly at: string;
  readonly text: string;
}

/** While it is recorded: what is, and all that the test taker can do. */
export class ControlsView extends View {
  static override properties = {
    ...View.properties,
    view: { attribute: false },
    said: { state: true },
    done: { state: true },
  };
  view!: ExamView;
  recorder!: Commands;
  private said: readonly Line[] = [];
  private done = "";

  /** The form's field is emptied once the line is in the recording. */
  private submit(event: SubmitEvent, action: (form: HTMLFormElement) => Promise<void>): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    this.attempt(async () => {
      await action(form);
      form.reset();
    });
  }

  private readonly say = (event: SubmitEvent): void =>
    this.submit(event, async (form) => {
      const text = fieldOf(form, "message");
      await this.recorder.write(this.view.key, "chat", { text });
      this.said = [...this.said, { at: new Date().toISOString(), text }];
    });

  private readonly answer = (event: SubmitEvent): void =>
    this.submit(event, async (form) => {
      const [question, text] = [fieldOf(form, "question"), fieldOf(form, "answer")];
      await this.recorder.write(this.view.key, "answers", { question, text });
      this.done = `${TEXT.answered} ${question}`;
    });

  private readonly handIn = (event: SubmitEvent): void =>
    this.submit(event, async (form) => {
      const file = new FormData(form).get("file") as File;
      await this.recorder.handIn(this.view.key, file);
      this.done = `${TEXT.answered} ${file.name}`;
    });

  private readonly reopen = () =>
    this.attempt(async () => {
      await askForDevices(this.view.missing);
      await this.recorder.reopen(this.view.key);
    });

  private replyView({ text, file }: Reply) {
    const save = (given: NonNullable<Reply["file"]>) => () => download(given.bytes, given.name);
    return html`${text || (file ? nothing : TEXT.unreadable)}
      ${file ? html`<button class="secondary" @click=${save(file)}>${file.name}</button>` : nothing}`;
  }

  private chatView() {
    const lines = [
      ...this.said.map(({ at, text }) => ({ at, who: TEXT.you, what: html`${text}` })),
      ...this.view.replies.map((reply) => ({ at: reply.at, who: TEXT.faculty, what: this.replyView(reply) })),
    ].sort((one, other) => one.at.localeCompare(other.at));
    return html`<section aria-labelledby="chat"><h2 id="chat">${TEXT.chat}</h2>
      <div role="log" aria-labelledby="chat">${lines.map(({ who, what }) => html`<p><strong>${who}:</strong> ${what}</p>`)}</div>
      <form @submit=${this.say}>
        <label>${TEXT.message}<input name="message" required autocomplete="off" maxlength="4000"></label>
        <button ?disabled=${this.isBusy}>${TEXT.send}</button>
      </form></section>`;
  }

  protected override render() {
    const { tracks, missing, isPinned, waiting, problems } = this.view;
    const megabytes = (waiting / 1e6).toFixed(1);
    return html`
      <section aria-labelledby="now"><h2 id="now">${TEXT.recording}</h2>
        <ul class="live">
          ${devicesOf(tracks).map((device) => {
            const isMissing = missing.includes(device);
            return html`<li class=${isMissing ? "missing" : ""} data-device=${device}>${DEVICE_NAMES[device]}:
              <strong>${isMissing ? TEXT.off : TEXT.on}</strong></li>`;
          })}
          <li>${TEXT.writing}</li>
        </ul>
        ${missing.length > 0 ? html`<button @click=${this.reopen} ?disabled=${this.isBusy}>${TEXT.reopen}</button>` : nothing}
        ${this.problemView(problems)}
        <div role="status"><p>${isPinned ? TEXT.pinned : TEXT.unpinned}</p>
          <p>${waiting > 0 ? html`${TEXT.waiting}: ${megabytes} MB` : TEXT.allSent}</p>
          <p>${this.done}</p></div>
      </section>
      ${this.chatView()}
      <section aria-labelledby="answers"><h2 id="answers">${TEXT.answers}</h2>
        <form @submit=${this.answer}>
          <label>${TEXT.question}<input name="question" required autocomplete="off" maxlength="100"></label>
          <label>${TEXT.answer}<textarea name="answer" required rows="3" maxlength="15000"></textarea></label>
          <button ?disabled=${this.isBusy}>${TEXT.hand}</button>
        </form></section>
      <section aria-labelledby="homework"><h2 id="homework">${TEXT.homework}</h2>
        <form @submit=${this.handIn}>
          <label>${TEXT.file}<input type="file" name="file" required></label>
          <button ?disabled=${this.isBusy}>${TEXT.handFile}</button>
        </form></section>
      <section aria-labelledby="finishing"><h2 id="finishing">${TEXT.finishing}</h2><p>${TEXT.finishHelp}</p>
        <button ?disabled=${this.isBusy} @click=${() => this.attempt(() => this.recorder.finish(this.view.key))}>${TEXT.finish}</button>
      </section>`;
  }
}
customElements.define("controls-view", ControlsView);
