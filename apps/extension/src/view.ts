import { html, LitElement, nothing, type TemplateResult } from "lit";
import type { Told } from "./channel.js";
import { problemOf } from "./problems.js";
import { PROBLEMS, TEXT } from "./strings.js";

/** The base of all elements here: no shadow, so that labels, styles and landmarks are those of the page. */
export class View extends LitElement {
  static override properties: Record<string, object> = { problem: { state: true }, isBusy: { state: true } };
  protected problem: Told | undefined;
  protected isBusy = false;

  protected override createRenderRoot(): this {
    return this;
  }

  /** Runs what a user asked for, one at a time; a failure becomes a sentence on the page. */
  protected async attempt(action: () => Promise<void>): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    this.problem = undefined;
    try {
      await action();
    } catch (error) {
      this.problem = problemOf(error);
    } finally {
      this.isBusy = false;
    }
  }

  protected problemView(others: readonly Told[] = []): TemplateResult {
    return problemsView(this.problem ? [this.problem, ...others] : others);
  }
}

/** Each once, in words. */
export function problemsView(told: readonly Told[]): TemplateResult {
  const kinds = new Map(told.map(({ kind, detail }) => [kind, detail]));
  return html`<div role="alert">${[...kinds].map(
    ([kind, detail]) => html`<p data-problem=${kind}>${PROBLEMS[kind]}</p>
        ${detail ? html`<details><summary>${TEXT.technical}</summary><code>${kind}: ${detail}</code></details>` : nothing}`,
  )}</div>`;
}

export const fieldOf = (form: HTMLFormElement, name: string): string =>
  String(new FormData(form).get(name) ?? "").trim();

/** Hands bytes to the user as a file. */
export function download(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  Object.assign(document.createElement("a"), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
