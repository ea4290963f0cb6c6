import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BrowserContext, Page, Request } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../../../scripts/launch-chromium.js";
import { expectForEverybody } from "../../ui/test/look.js";
import { convert, pages, ROOT } from "../src/pages.js";
import { type SiteServer, serveSite } from "../src/serve.js";

/** Another place than the top of a host: links and assets that forget it are found. */
const BASE = "/manual/";

let outDir: string;
let server: SiteServer;
let browser: BrowserContext;
let page: Page;
const elsewhere: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  outDir = mkdtempSync(join(tmpdir(), "blindreel-site-"));
  const command = ["run", "--silent", "docs", "--", "--base", BASE, "--out", outDir];
  // Vitest's own value would make a site for development.
  const env = { ...process.env, NODE_ENV: "production" };
  const { stdout } = await promisify(execFile)("npm", command, { cwd: ROOT, env });
  expect(stdout).toContain(outDir);
  server = await serveSite(outDir, BASE);
  browser = await launchChromium();
  browser.on("request", (request: Request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith("data:"))
      elsewhere.push(request.url());
  });
  page = await browser.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
}, 300_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
  rmSync(outDir, { recursive: true, force: true });
});

const htmlFiles = (): string[] =>
  readdirSync(outDir, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".html") && name !== "404.html",
  );

/** What is in a page as it is served: VitePress writes each page out. */
interface Written {
  readonly links: readonly string[];
  /** Scripts, styles, pictures. */
  readonly parts: readonly string[];
  readonly ids: ReadonlySet<string>;
  readonly policy: string | undefined;
}

function read(file: string): Written {
  const html = readFileSync(join(outDir, file), "utf8");
  const all = (pattern: RegExp) =>
    [...html.matchAll(pattern)].map(([, value]) => value!.replaceAll("&amp;", "&"));
  return {
    links: all(/<a\b[^>]*?\bhref="([^"]*)"/g),
    parts: all(/<(?:script|link|img|source|iframe|video)\b[^>]*?\b(?:src|href)="([^"]*)"/g),
    ids: new Set(all(/<[^>]*?\bid="([^"]*)"/g)),
    policy: /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1],
  };
}

describe("the documentation's site", () => {
  test("has every page of the repository and every entry point of the package", () => {
    const expected = pages().map((name) => name.replace(/README\.md$/, "index.md").replace(/md$/, "html"));
    expect(htmlFiles()).toEqual(expect.arrayContaining(expected));
    expect(htmlFiles()).toEqual(expect.arrayContaining(["api/blindreel.html", "api/blindreel/review.html"]));
  });

  test("has no dead link, and every page is made of the site's own files", () => {
    const written = new Map(htmlFiles().map((file) => [file, read(file)]));
    const faults = [...written].flatMap(([file, { links, parts, policy }]) => {
      const at = new URL(file, server.url);
      const isOwn = (part: string) => part.startsWith("data:image/") || isThere(new URL(part, at), written);
      const isFine = (link: string) => /^(https?|mailto):/.test(link) || isThere(new URL(link, at), written);
      const dead = [...parts.filter((part) => !isOwn(part)), ...links.filter((link) => !isFine(link))];
      if (!policy?.startsWith("default-src 'none'; script-src 'self' ")) dead.push("no policy");
      return dead.map((fault) => `${file}: ${fault}`);
    });
    expect(faults).toEqual([]);
    expect([...written.values()].flatMap(({ links }) => links).length).toBeGreaterThan(5000);
  });

  function isThere({ href, pathname, hash }: URL, written: ReadonlyMap<string, Written>): boolean {
    if (!href.startsWith(server.url)) return false;
    const path = decodeURIComponent(pathname.slice(BASE.length));
    const file = path === "" || path.endsWith("/") ? `${path}index.html` : path;
    const ids = written.get(file)?.ids;
    return (
      existsSync(join(outDir, file)) && (hash === "" || !ids || ids.has(decodeURIComponent(hash.slice(1))))
    );
  }

  test.each([
    ...["index", "docs/format-v1", "docs/benchmarks", "docs/reviewer", "docs/claims", "docs/dpia"],
    ...["docs/decisions/index", "CONTRIBUTING", "api/index", "api/blindreel/recording"],
  ])("shows %s under its policy, and asks nobody else", async (name) => {
    await page.goto(`${server.url}${name}.html`, { waitUntil: "networkidle" });
    const broken = await page.evaluate(() =>
      [...document.images].filter(({ naturalWidth }) => naturalWidth === 0).map(({ src }) => src),
    );
    expect({ broken, elsewhere, complaints }).toEqual({ broken: [], elsewhere: [], complaints: [] });
  });

  test.each(["index", "docs/claims", "api/index"])(
    "%s is for everybody: axe-core in light and dark, 360 px, and the keyboard reaches its content",
    async (name) => {
      const tab = await browser.newPage();
      await tab.goto(`${server.url}${name}.html`, { waitUntil: "networkidle" });
      await expectForEverybody(tab);
      await tab.keyboard.press("Tab");
      await tab.keyboard.press("Enter");
      expect(new URL(tab.url()).hash).toBe("#VPContent");
      await tab.close();
    },
    60_000,
  );

  test("searches in guides, the specification and the reference, without a network", async () => {
    await page.goto(server.url);
    await page.locator("#local-search button").click();
    const box = page.locator("#localsearch-input");
    await box.waitFor();
    await box.fill("pin");
    await page.locator("#localsearch-list a").first().waitFor();
    await browser.setOffline(true);
    try {
      for (const [words, target] of [
        ["countersignReceipt", "api/blindreel/review"],
        ["pathLength of an excerpt", "docs/format-v1"],
        ["crash journal", "docs/recordings"],
      ] as const) {
        await box.fill(words);
        await page.locator(`#localsearch-list a[href*="${target}"]`).first().waitFor();
      }
    } finally {
      await browser.setOffline(false);
    }
    expect({ elsewhere, complaints }).toEqual({ elsewhere: [], complaints: [] });
  }, 60_000);

  test("leads from a result of the search to its heading", async () => {
    await page.goto(server.url);
    await page.locator("#local-search button").click();
    await page.locator("#localsearch-input").fill("Legal hold");
    await page.locator('#localsearch-list a[href*="docs/keys"]').first().click();
    await page.waitForURL(/docs\/keys\.html#/);
    const id = decodeURIComponent(new URL(page.url()).hash.slice(1));
    // The address changes before the page of it is there.
    await expect.poll(() => page.locator(`[id="${id}"]`).count()).toBe(1);
  }, 60_000);

  test("says so where there is no page", async () => {
    const tab = await browser.newPage();
    const response = await tab.goto(`${server.url}nothing-here`);
    expect(response?.status()).toBe(404);
    await tab.getByText("404").waitFor();
  });

  test("is not made with a link to what it does not have", () => {
    const known = new Set(pages());
    expect(() => convert("docs/keys.md", "[x](../src/index.ts)", known)).toThrow(
      /links to \.\.\/src\/index\.ts/,
    );
    expect(convert("docs/keys.md", "[x](../README.md#status) `](../x)`", known)).toBe(
      "[x](../index.md#status) `](../x)`",
    );
  });
});
