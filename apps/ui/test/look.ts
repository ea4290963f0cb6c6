import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import pixelmatch from "pixelmatch";
import type { Page } from "playwright";
import { PNG } from "pngjs";
import { expect } from "vitest";
import { overlaps } from "./overlaps.js";

const LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** Of all pixels: letters are smoothed, and video scaled, as the browser likes. */
const TOLERANCE = 0.01;
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Nothing that axe-core finds, nothing wider than 360 px, nothing over something else; light and dark. */
export async function expectForEverybody(page: Page): Promise<void> {
  await page.evaluate(axe);
  for (const colorScheme of ["light", "dark"] as const)
    for (const width of [1024, 360]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height: 740 });
      const { violations, passes } = await page.evaluate((values) => {
        const { axe } = globalThis as never as { axe: { run(options: object): Promise<AxeResults> } };
        return axe.run({ runOnly: { type: "tag", values } });
      }, LEVELS);
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      expect(found, `${colorScheme}, ${width} px`).toEqual([]);
      expect(passes.length).toBeGreaterThan(10);
    }
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  expect(await page.evaluate(overlaps)).toEqual([]);
}

/** Names of what Tab reaches from the title on; each shows where the focus is, and all that can be used is among them. */
export async function tabStops(page: Page): Promise<string[]> {
  await page.setViewportSize({ width: 1024, height: 740 });
  await page.evaluate(() => {
    const heading = document.querySelector("h1")!;
    heading.tabIndex = -1;
    heading.focus();
  });
  const seen: string[] = [];
  // By element, and not by place; of those that are there now: a live page adds notices meanwhile.
  const usable = await page.evaluateHandle(() =>
    [
      ...document.querySelectorAll<HTMLElement>(
        "button, input:not([type=radio]), select, textarea, summary, a",
      ),
    ].filter((each) => each.checkVisibility()),
  );
  const reached = await page.evaluateHandle(() => new Set<Element>());
  for (;;) {
    await page.keyboard.press("Tab");
    const [name, isShown, isNew] = await reached.evaluate((before) => {
      const now = document.activeElement as HTMLInputElement;
      if (now === (document.body as HTMLElement)) return [undefined, false, false] as const;
      const { outlineStyle, boxShadow } = getComputedStyle(now);
      const label = now.labels?.[0]?.innerText ?? now.textContent;
      // Parts of a media element and of a date are the browser's own.
      const shows = now.matches("video, [type=date]") || outlineStyle !== "none" || boxShadow !== "none";
      return [label!.trim().split("\n")[0]!, shows, before.size < before.add(now).size] as const;
    });
    // A video's own controls are several stops of one element.
    if (name === undefined || (!isNew && seen.at(-1) !== name)) break;
    if (isNew) seen.push(name);
    expect(isShown, name).toBe(true);
  }
  const missed = await usable.evaluate(
    (elements, all) =>
      elements
        .filter((each) => each.checkVisibility() && !(each as HTMLButtonElement).disabled && !all.has(each))
        .map((each) => each.outerHTML),
    reached,
  );
  expect(missed, `after ${seen.join(", ")}`).toEqual([]);
  return seen;
}

/** Ids and dates as they are in every run. @returns what puts the page's own back. */
export async function settle(page: Page): Promise<() => Promise<void>> {
  const own = await page.evaluateHandle(() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const digits = ({ length }: { readonly length: number }): string =>
      "0123456789abcdef".repeat(4).slice(0, length);
    const changed: { readonly text: Text; readonly before: string; readonly after: string }[] = [];
    for (let text = texts.nextNode() as Text | null; text; text = texts.nextNode() as Text | null) {
      const before = text.data;
      const after = before
        .replace(/\b[0-9a-f]{16,64}\b/g, digits)
        .replace(/\b[0-9a-f]{4,8}( [0-9a-f]{4,8}){3,}\b/g, (groups) => groups.replace(/[0-9a-f]+/g, digits))
        .replace(/[A-Z][a-z]{2} \d+, \d{4}, [\d:]+ [AP]M/g, "May 4, 2026, 9:00:00 AM")
        .replace(/[A-Z][a-z]+ \d+, \d{4}/g, "May 4, 2026");
      if (after === before) continue;
      text.data = after;
      changed.push({ text, before, after });
    }
    return changed;
  });
  return () =>
    own.evaluate((changed) => {
      for (const { text, before, after } of changed) if (text.data === after) text.data = before;
    });
}

/** That a picture of the documentation is the page as it is. `BLINDREEL_PICTURES` takes it anew. */
export async function expectPicture(
  page: Page,
  name: string,
  colorScheme: "light" | "dark",
  [width, height]: readonly [number, number],
): Promise<void> {
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await page.setViewportSize({ width, height });
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
}
