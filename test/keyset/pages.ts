import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright";
import { launchChromium } from "../helpers/browsers.js";
import { bundleForBrowser, servePage } from "../helpers/page.js";

const sourceOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export interface IdentityPages {
  readonly browser: BrowserContext;
  readonly origin: string;
  /** A page with the global `tools` of browser-entry.ts. `localhost`: WebAuthn refuses addresses. */
  open(host?: string): Promise<Page>;
  close(): Promise<void>;
}

/** Chromium, and a server with the page, the passphrase worker at `/worker.js` and `scripts`. */
export async function identityPages(scripts: Readonly<Record<string, string>> = {}): Promise<IdentityPages> {
  const files = await identityFiles();
  const server = await servePage({ ...files, ...scripts });
  const browser = await launchChromium({ args: ["--host-resolver-rules=MAP *.test 127.0.0.1"] });
  return {
    browser,
    origin: server.origin,
    async open(host = "localhost") {
      const page = await browser.newPage();
      await page.goto(`${server.origin.replace("127.0.0.1", host)}/index.html`);
      await page.waitForFunction(() => "tools" in globalThis);
      return page;
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

export async function identityFiles(): Promise<Readonly<Record<string, string>>> {
  return {
    "/index.html": '<!doctype html><script type="module" src="/entry.js"></script>',
    "/entry.js": await bundleForBrowser(sourceOf("browser-entry.ts")),
    "/worker.js": await bundleForBrowser(sourceOf("../../src/keywrap/passphrase-worker.ts")),
  };
}
