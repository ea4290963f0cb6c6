import { gzipSync } from "node:zlib";
import type { BrowserContext } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { type Site, startSite, useKey } from "./page.js";

/** KiB of scripts, gzipped, before a recording is opened. What needs more says why in docs/reviewer.md. */
const SCRIPTS = 99;
/** KiB of all of it: styles and two fonts too. */
const ALL = 148;

describeChromium("what the page loads before a recording is opened", () => {
  let site: Site;
  let browser: BrowserContext;
  beforeAll(async () => {
    site = await startSite();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  it(`is at most ${SCRIPTS} KiB of scripts and ${ALL} KiB in all, and not much less: the budget follows`, async () => {
    const page = await browser.newPage();
    const loaded = new Map<string, Promise<Buffer>>();
    page.on("response", (response) => loaded.set(response.url(), response.body()));
    await page.goto(site.server.url);
    await useKey(page, site.identity);
    await page.waitForLoadState("networkidle");
    let [scripts, all] = [0, 0];
    for (const [url, body] of loaded) {
      if (url.startsWith("data:")) continue;
      const size = gzipSync(await body, { level: 9 }).length / 1024;
      all += size;
      if (url.endsWith(".js")) scripts += size;
    }
    expect(loaded.size).toBeGreaterThan(4);
    expect(scripts).toBeLessThanOrEqual(SCRIPTS);
    expect(scripts).toBeGreaterThan(0.9 * SCRIPTS);
    expect(all).toBeLessThanOrEqual(ALL);
    expect(all).toBeGreaterThan(0.9 * ALL);
    // Neither the media library nor other cryptography than the browser's.
    expect([...loaded.keys()].filter((url) => /media-|noble|x-wing|foreign|worker/.test(url))).toEqual([]);
  });
});
