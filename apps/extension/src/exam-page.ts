import "./consent-view.js";
import "./controls-view.js";
import { html, nothing } from "lit";
import { connectRecorder, type ExamView, tellChanged } from "./channel.js";
import { isKind } from "./problems.js";
import { PHASES, TEXT } from "./strings.js";
import { download, problemsView, View } from "./view.js";

/** Milliseconds between two looks whether the recorder is there; it keeps the worker awake, too, and with it the LMS's connection. */
const LOOK = 15_000;

/** The test taker's page. All that it shows is the recorder's; it may be closed and opened at any time. */
class ExamPage extends View {
  static override properties = {
    ...View.properties,
    views: { state: true },
    isOwn: { state: true },
    hasNone: { state: true },
  };
  private views: readonly ExamView[] = [];
  /** Of several tabs, one speaks to the recorder. */
  private isOwn = false;
  private hasNone = false;
  private readonly recorder = connectRecorder((views) => Object.assign(this, { views }));

  override connectedCallback(): void {
    super.connectedCallback();
    this.readFragment();
    addEventListener("hashchange", () => this.readFragment());
    navigator.locks.request("exam-page", () => {
      this.isOwn = true;
      this.look();
      setInterval(() => this.look(), LOOK);
      this.watchPerson();
      return new Promise(() => {});
    });
  }

  private readFragment(): void {
    const kind = new URLSearchParams(location.hash.slice(1)).get("problem") ?? "";
    if (isKind(kind)) this.problem = { kind, detail: "" };
    history.replaceState(null, "", location.pathname);
  }

  private async look(): Promise<void> {
    this.hasNone = (await chrome.runtime.sendMessage({ type: "recorder" })) !== true;
    if (this.hasNone) this.views = [];
    else tellChanged();
  }

  /** What the page itself notices, for the track of events. */
  private watchPerson(): void {
    const tell = (type: string): void => {
      const { current } = this;
      if (current?.phase === "recording")
        this.recorder.write(current.key, "events", { type }).catch(() => {});
    };
    document.addEventListener("visibilitychange", () => tell(`tab-${document.visibilityState}`));
    addEventListener("blur", () => tell("focus-lost"));
    addEventListener("focus", () => tell("focus-back"));
    const screen = globalThis.screen as Screen & EventTarget & { readonly isExtended?: boolean };
    const look = (): void => void (screen.isExtended && tell("second-screen"));
    screen.addEventListener?.("change", look);
    this.addEventListener("recording", look);
  }

  /** What is recorded, else what was launched last. */
  private get current(): ExamView | undefined {
    return this.views.find(({ phase }) => phase === "recording") ?? this.views.at(-1);
  }

  protected override updated(changed: Map<string, unknown>): void {
    if (!changed.has("views")) return;
    const before = (changed.get("views") as readonly ExamView[] | undefined) ?? [];
    const { current } = this;
    if (!current || before.some(({ key, phase }) => key === current.key && phase === current.phase)) return;
    // What was on the page is gone: the focus goes on at the new part.
    this.querySelector("h1")?.focus();
    if (current.phase === "recording") this.dispatchEvent(new Event("recording"));
  }

  private forget({ key }: ExamView): void {
    this.attempt(async () => {
      await this.recorder.forget(key);
      await chrome.runtime.sendMessage({ type: "over" });
      await this.look();
    });
  }

  private phaseView(view: ExamView) {
    const { recorder } = this;
    const forget = () => this.forget(view);
    if (view.phase === "launched")
      return html`<consent-view .view=${view} .recorder=${recorder} @forget=${forget}></consent-view>`;
    if (view.phase === "recording")
      return html`<controls-view .view=${view} .recorder=${recorder}></controls-view>`;
    if (view.phase === "finished")
      return html`<h2>${TEXT.over}</h2><p role="status">${TEXT.sending} ${TEXT.waiting}: ${(view.waiting / 1e6).toFixed(1)} MB</p>
        ${problemsView(view.problems)}`;
    const { receipt } = view;
    return html`<h2>${TEXT.over}</h2><p role="status">${TEXT.stored}</p>
      ${problemsView(view.problems)}
      ${
        receipt
          ? html`<p>${TEXT.receiptHelp} ${receipt.isCountersigned ? nothing : TEXT.unsigned}</p>
              <p><button @click=${() => download(receipt.bytes, "exam.receipt")}>${TEXT.saveReceipt}</button></p>`
          : nothing
      }
      <button class="secondary" @click=${forget}>${TEXT.forget}</button>`;
  }

  /** One that was launched waits for the one that is being recorded; one that is over keeps its receipt in sight. */
  private otherView(view: ExamView) {
    const isBlocked = view.phase === "launched" && this.current?.phase === "recording";
    return html`<section><p>${TEXT.exam} ${view.exam}: ${PHASES[view.phase]}</p>
      ${isBlocked ? problemsView([{ kind: "other-exam", detail: "" }]) : nothing}
      ${view.phase === "launched" ? nothing : this.phaseView(view)}</section>`;
  }

  protected override render() {
    const { current } = this;
    const others = this.views.filter((each) => each !== current);
    if (!this.isOwn) return html`<main><h1 tabindex="-1">${TEXT.title}</h1><p>${TEXT.elsewhere}</p></main>`;
    return html`<main>
      <h1 tabindex="-1">${current ? `${TEXT.exam}: ${current.exam}` : TEXT.title}</h1>
      ${this.problem ? this.problemView() : nothing}
      ${current ? this.phaseView(current) : html`<p>${this.hasNone ? TEXT.none : nothing}</p>`}
      ${others.map((each) => this.otherView(each))}
    </main>`;
  }
}
customElements.define("exam-page", ExamPage);
