import { html, LitElement } from "lit";
import { allowed } from "./allowed.js";
import { DEVICES } from "./media.js";
import { DEVICE_NAMES, PERMISSIONS, PROMPTS, TEXT } from "./strings.js";

/** What the extension may do: of the manifest that the browser has, each with its reason. */
class PermissionPage extends LitElement {
  protected override createRenderRoot(): this {
    return this;
  }

  protected override render() {
    const manifest = chrome.runtime.getManifest() as unknown as Readonly<Record<string, unknown>>;
    const { matches } = manifest.externally_connectable as { readonly matches: readonly string[] };
    return html`<main><h1>${TEXT.what}</h1><p>${TEXT.whatHelp}</p>
      <dl>${allowed(manifest).map((each) => html`<dt><code>${each}</code></dt><dd>${PERMISSIONS[each]}</dd>`)}</dl>
      <h2>${TEXT.sites}</h2><ul>${matches.map((each) => html`<li><code>${each}</code></li>`)}</ul>
      <h2>${TEXT.asked}</h2><p>${TEXT.askedHelp}</p>
      <dl>${DEVICES.map((each) => html`<dt>${DEVICE_NAMES[each]}</dt><dd>${PROMPTS[each]}</dd>`)}</dl>
      <p>${TEXT.uninstall}</p></main>`;
  }
}
customElements.define("permission-page", PermissionPage);
