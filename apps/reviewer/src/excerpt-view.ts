import "blindreel-ui/proof-view";
import { Problem } from "blindreel-ui/problems";
import { openProof, type Proof } from "blindreel-ui/proof";
import { bytesOf, fieldOf, filesOf, View } from "blindreel-ui/view";
import { html } from "lit";
import { TEXT } from "./strings.js";

/** Shows a saved excerpt or a receipt to somebody without any key. */
class ExcerptView extends View {
  static override properties = { ...View.properties, proof: { state: true } };
  private proof: Proof | undefined;

  private open(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    this.attempt("showing", async () => {
      this.proof = undefined;
      const [file] = filesOf(form, "excerpt");
      if (!file) throw new Problem("no-excerpt");
      this.proof = await openProof(await bytesOf(file), fieldOf(form, "announced"));
    });
  }

  protected override render() {
    return html`<h2 id="shown">${TEXT.showExcerpt}</h2>
      <p>${TEXT.showExcerptHelp}</p>
      <form @submit=${this.open}>
        <label>${TEXT.excerptFile}<input type="file" name="excerpt"></label>
        <label>${TEXT.excerptCoreHash}<input name="announced" autocomplete="off" spellcheck="false"></label>
        <button class="secondary" aria-busy=${this.isBusy ? "true" : "false"} ?disabled=${this.isBusy}>${TEXT.openExcerpt}</button>
      </form>
      ${this.problemView()}
      <proof-view .proof=${this.proof}></proof-view>`;
  }
}
customElements.define("excerpt-view", ExcerptView);
