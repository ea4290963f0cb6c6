import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import pixelmatch from "pixelmatch";
import type { BrowserContext, Page } from "playwright";
import { PNG } from "pngjs";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { overlaps } from "./overlaps.js";
import { openExam, openPage, type Site, startSite } from "./page.js";

const LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const SCHEMES = ["light", "dark"] as const;
/** Of all pixels: letters are smoothed, and video scaled, as the browser likes. */
const TOLERANCE = 0.01;
/** Those of docs/reviewer.md: name, page, scheme, width and height. */
const PICTURES = [
  ["reviewer-start", "start", "light", 1024, 700],
  ["reviewer", "review", "light", 1024, 1100],
  ["reviewer-narrow", "review", "dark", 360, 1500],
] as const;

describeChromium("how the page looks", () => {
  let site: Site;
  let browser: BrowserContext;
  let axe: string;
  beforeAll(async () => {
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    site = await startSite();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
  afterEach(async () => {
    for (const page of browser.pages()) await page.close();
    expect(site.complaints.splice(0)).toEqual([]);
  });

  /** The start, or the review with a verdict, at a flag. */
  const pageOf = async (
    which: "start" | "review",
    scheme: "light" | "dark",
    width: number,
  ): Promise<Page> => {
    const page = await openPage(site, browser);
    await page.setViewportSize({ width, height: width < 600 ? 740 : 1000 });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    if (which === "start") return page;
    await openExam(page, site, { coreHash: site.exam.coreHash });
    await page.getByRole("button", { name: "Check all of it" }).click();
    await page.getByText("Your recording is complete.").waitFor();
    await page.locator(".lines li").nth(6).waitFor();
    await page.getByRole("button", { name: "Next flag" }).click();
    return page;
  };

  it.each(
    SCHEMES.flatMap((scheme) => (["start", "review"] as const).map((which) => [which, scheme] as const)),
  )("%s, %s: nothing that axe-core finds, at full width and at 360 px", async (which, scheme) => {
    const page = await pageOf(which, scheme, 1024);
    for (const width of [1024, 360]) {
      await page.setViewportSize({ width, height: 740 });
      await page.evaluate(axe);
      const { violations, passes } = await page.evaluate((values) => {
        const { axe } = globalThis as never as { axe: { run(options: object): Promise<AxeResults> } };
        return axe.run({ runOnly: { type: "tag", values } });
      }, LEVELS);
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      expect(found, `${width} px`).toEqual([]);
      expect(passes.length).toBeGreaterThan(15);
    }
  });

  it.each(["start", "review"] as const)(
    "%s: nothing is wider than 360 px, and nothing lies over another",
    async (which) => {
      const page = await pageOf(which, "light", 360);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
      expect(await page.evaluate(overlaps)).toEqual([]);
    },
  );

  it("everything is reached by Tab, in the order of the page, and shows where the focus is", async () => {
    const page = await pageOf("review", "light", 1024);
    await page.locator("h1").focus();
    const seen: string[] = [];
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      const [name, isShown] = await page.evaluate(() => {
        const now = document.activeElement!;
        if (now === document.body) return [undefined, false] as const;
        const { outlineStyle, boxShadow } = getComputedStyle(now);
        const label = (now as HTMLInputElement).labels?.[0]?.innerText ?? now.textContent;
        return [label!.trim().split("\n")[0]!, outlineStyle !== "none" || boxShadow !== "none"] as const;
      });
      if (name === undefined) break;
      seen.push(name);
      expect(isShown, name).toBe(true);
    }
    const order = ["Close the recording", "Next flag", "Speed", "0:03", "Save the excerpt", "Use this key"];
    expect(seen.filter((name) => order.includes(name))).toEqual(order);
  });

  it.each(PICTURES)("docs/images/%s.png is the page as it is", async (name, which, scheme, width, height) => {
    const page = await pageOf(which, scheme, width);
    await page.setViewportSize({ width, height });
    if (which === "review") {
      await page.waitForFunction(() =>
        [...document.querySelectorAll("video")].every(
          ({ currentTime, readyState, seeking }) =>
            Math.round(currentTime) === 3 && readyState >= 2 && !seeking,
        ),
      );
    }
    // No ring around what was clicked.
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.mouse.move(0, 0);
    await page.evaluate(() => scrollTo(0, 0));
    const file = new URL(`../../../docs/images/${name}.png`, import.meta.url);
    if (process.env.BLINDREEL_PICTURES) await writeFile(file, await page.screenshot());
    const expected = PNG.sync.read(await readFile(file));
    expect([expected.width, expected.height]).toEqual([width, height]);
    const difference = async (): Promise<number> => {
      const { data } = PNG.sync.read(await page.screenshot());
      return pixelmatch(data, expected.data, undefined, width, height) / (width * height);
    };
    await expect.poll(difference, { timeout: 10_000 }).toBeLessThan(TOLERANCE);
  });
});
