import type { BrowserContext, Page } from "playwright";
import { describe } from "vitest";
import { findChromium } from "../../scripts/runtimes.js";

export { CHROMIUM_FLAGS, type ChromiumOptions, launchChromium } from "../../scripts/launch-chromium.js";

/** `describe` for tests in Chromium. Where there is none the suite says so; with `CI=true` that is a failure. */
export function describeChromium(title: string, define: () => void): void {
  if (findChromium()) {
    describe(title, define);
    return;
  }
  if (process.env.CI) throw new Error("Chromium is missing: npm run setup");
  describe.skip(`${title} (no Chromium: npm run setup)`, define);
}

/** Milliseconds for a page to open, on a busy machine. */
const PATIENCE = 30_000;

/** The page at such an address, as soon as there is one. @throws Error that says what is open instead. */
export async function pageAt(browser: BrowserContext, isIt: (url: string) => boolean): Promise<Page> {
  for (const end = Date.now() + PATIENCE; ; ) {
    const pages = browser.pages();
    const found = pages.find((page) => isIt(page.url()));
    if (found) return found;
    if (Date.now() > end)
      throw new Error(`the page did not open; open are: ${pages.map((page) => page.url()).join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
