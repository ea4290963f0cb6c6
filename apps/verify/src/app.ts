import "blindreel-ui/proof-view";
import { Problem } from "blindreel-ui/problems";
import { isExcerpt, openProof, type Proof } from "blindreel-ui/proof";
import { TEXT as SHARED } from "blindreel-ui/strings";
import { bytesOf, fieldOf, filesOf, View } from "blindreel-ui/view";
import { html } from "lit";
import strings from "./strings.json" with { type: "json" };

const TEXT = { ...SHARED, ...strings.text };
/** Above any text file with a fingerprint. */
const LONGEST_NOTE = 4096;

/** The page: a file by drag and drop or by its field, then what it proves. */
class VerifyApp extends View {
  static override properties = { ...View.properties, proof: { state: true }, isOver: { state: true } };
  private proof: Proof | undefined;
  private isOver = false;
  /** The one that was checked, or is to be. */
  private file: File | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("dragover", this.hover);
    addEventListener("dragleave", this.leave);
    addEventListener("drop", this.drop);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("dragover", this.hover);
    removeEventListener("dragleave", this.leave);
    removeEventListener("drop", this.drop);
  }

  /** Without it the browser would open the file in the page's place. */
  private readonly hover = (event: DragEvent): void => {
    event.preventDefault();
    this.isOver = true;
  };
  private readonly leave = (): void => void Object.assign(this, { isOver: false });
  private readonly drop = (event: DragEvent): void => {
    event.preventDefault();
    this.isOver = false;
    this.check([...(event.dataTransfer?.files ?? [])]);
  };

  private pick(event: Event): void {
    const form = (event.target as HTMLInputElement).form!;
    this.check(filesOf(form, "file"));
  }

  private submit(event: SubmitEvent): void {
    event.preventDefault();
    this.check(this.file ? [this.file] : []);
  }

  private check(files: readonly File[]): void {
    const field = this.querySelector<HTMLInputElement>("[name=coreHash]")!;
    this.attempt("showing", async () => {
      this.proof = undefined;
      const proofs: File[] = [];
      for (const file of files) {
        const coreHash = await coreHashIn(file);
        if (coreHash) field.value = coreHash;
        else proofs.push(file);
      }
      if (proofs.length > 1) throw new Problem("many-proofs");
      this.file = proofs[0] ?? (files.length > 0 ? this.file : undefined);
      // A fingerprint alone waits for its file.
      if (!this.file && files.length > 0) return;
      if (!this.file) throw new Problem("no-proof-file");
      const bytes = await read(this.file);
      this.proof = await openProof(bytes, fieldOf(field.form!, "coreHash"));
    });
  }

  protected override render() {
    const { proof, file } = this;
    return html`
      <header><h1>${TEXT.title}</h1><p>${TEXT.privacy}</p></header>
      <main>
        <form @submit=${this.submit}>
          <div class=${this.isOver ? "drop over" : "drop"}>
            <label>${TEXT.file}<input type="file" name="file" multiple aria-describedby="drop-help" @change=${this.pick}></label>
            <small id="drop-help">${TEXT.drop}</small>
          </div>
          <label>${TEXT.coreHash}
            <input name="coreHash" autocomplete="off" spellcheck="false" aria-describedby="core-hash-help">
          </label>
          <small id="core-hash-help">${TEXT.coreHashHelp}</small>
          <button aria-busy=${this.isBusy ? "true" : "false"} ?disabled=${this.isBusy}>${TEXT.check}</button>
        </form>
        <section aria-labelledby="result">
          <h2 id="result">${TEXT.result}</h2>
          <p role="status">${
            proof && file
              ? html`${TEXT.checked}: <code>${file.name}</code>. ${isExcerpt(proof) ? TEXT.excerpt : TEXT.receipt}`
              : TEXT.none
          }</p>
          ${this.problemView()}
          <proof-view .proof=${proof}></proof-view>
        </section>
        <section aria-labelledby="words">
          <h2 id="words">${TEXT.words}</h2>
          <p>${TEXT.receiptMeans}</p>
          <p>${TEXT.excerptMeans}</p>
          <p>${TEXT.fingerprintMeans}</p>
          <p>${TEXT.witnessMeans}</p>
        </section>
      </main>`;
  }
}
customElements.define("verify-app", VerifyApp);

/** The fingerprint in a short text file that holds one, with or without words around it. */
async function coreHashIn(file: File): Promise<string | undefined> {
  if (file.size > LONGEST_NOTE) return undefined;
  const text = new TextDecoder().decode(await read(file));
  const found = new Set(text.match(/(?<![0-9a-z])[0-9a-f]{64}(?![0-9a-z])/gi));
  return found.size === 1 && !/[^\P{C}\s]/u.test(text) ? [...found][0] : undefined;
}

const read = (file: File): Promise<Uint8Array<ArrayBuffer>> =>
  bytesOf(file).catch(() => {
    throw new Problem("unreadable-file", file.name);
  });
