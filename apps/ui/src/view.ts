import { html, LitElement, nothing, type TemplateResult } from "lit";
import { type Activity, type Explanation, explain, Network } from "./problems.js";
import { TEXT } from "./strings.js";

/** The base of all elements here: no shadow, so that labels, styles and landmarks are those of the page. */
export class View extends LitElement {
  static override properties: Record<string, object> = {
    problem: { state: true },
    isBusy: { state: true },
  };
  protected problem: Explanation | undefined;
  protected isBusy = false;
  /** All requests of the page: it knows why one failed. */
  protected static readonly network = new Network();

  protected override createRenderRoot(): this {
    return this;
  }

  private underWay: Promise<void> = Promise.resolve();

  /** Runs what a user asked for, one at a time; a failure becomes a sentence on the page. */
  protected async attempt(activity: Activity, action: () => Promise<void>): Promise<void> {
    if (this.isBusy) return;
    this.underWay = this.run(activity, action);
    await this.underWay;
  }

  /** Runs what a change of the element asks for, behind what is under way: a second one is not left out. */
  protected async follow(activity: Activity, action: () => Promise<void>): Promise<void> {
    this.underWay = this.underWay.then(() => this.run(activity, action));
    await this.underWay;
  }

  private async run(activity: Activity, action: () => Promise<void>): Promise<void> {
    this.isBusy = true;
    this.problem = undefined;
    View.network.trouble = undefined;
    try {
      await action();
    } catch (error) {
      this.problem = explain(error, activity, View.network.trouble);
    } finally {
      this.isBusy = false;
    }
  }

  protected problemView(): TemplateResult {
    const { problem } = this;
    return html`<div role="alert">${
      problem
        ? html`<p>${problem.sentence}</p>
            <details><summary>${TEXT.technical}</summary><code>${problem.detail}</code></details>`
        : nothing
    }</div>`;
  }
}

/** The form's text field or choice of this name. */
export const fieldOf = (form: HTMLFormElement, name: string): string =>
  String(new FormData(form).get(name) ?? "").trim();

/** Files of the form's field that were picked. */
export const filesOf = (form: HTMLFormElement, name: string): File[] =>
  new FormData(form).getAll(name).filter((file): file is File => file instanceof File && file.size > 0);

/** Above any key, statement or excerpt: no more is read of what may be any file. */
const LARGEST_FILE = 64 * 2 ** 20 + 1;

export const bytesOf = async (file: Blob): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await file.slice(0, LARGEST_FILE).arrayBuffer());

/** Hands bytes to the user as a file. */
export function download(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  Object.assign(document.createElement("a"), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** Date and time with its zone, of milliseconds since 1970. */
export const moment = (time: number): string =>
  new Date(time).toLocaleString("en", { dateStyle: "medium", timeStyle: "long" });

/** `1:02:05` of milliseconds. */
export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Milliseconds of `1:02:05`, `2:05` or `125`; NaN for anything else. */
export function parseClock(text: string): number {
  if (!/^\d+(:[0-5]?\d){0,2}$/.test(text)) return Number.NaN;
  return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) * 1000;
}
