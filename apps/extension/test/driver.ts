import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { RecordingReview } from "blindreel/review";
import type { Page } from "playwright";
import { expect } from "vitest";

const LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** WCAG as far as axe-core knows, in light and dark; and at 360 px nothing is wider than the page. */
export async function expectAccessible(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width: 360, height: 740 });
    // As DevTools: the page's own policy lets no text become a script.
    await session.send("Runtime.evaluate", { expression: axe });
    const { violations }: AxeResults = await page.evaluate(
      (values) => (globalThis as unknown as { axe: typeof import("axe-core") }).axe.run({ runOnly: values }),
      LEVELS,
    );
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  }
  await page.setViewportSize({ width: 1024, height: 900 });
  await session.detach();
}

type IterableFolder = FileSystemDirectoryHandle & { values(): AsyncIterable<FileSystemHandle> };

/** Rows of all databases of the extension, but for what stays against older keysets, and its journals' files. */
export const rowsLeft = (page: Page): Promise<Record<string, number>> =>
  page.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const rows: Record<string, number> = {};
    for (const { name } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name!));
      for (const store of database.objectStoreNames)
        if (store !== "seen")
          rows[`${name}/${store}`] = await done(database.transaction(store).objectStore(store).count());
      database.close();
    }
    const root = (await navigator.storage.getDirectory()) as IterableFolder;
    for await (const folder of root.values()) {
      rows[folder.name] = 0;
      for await (const _ of (folder as IterableFolder).values()) rows[folder.name]!++;
    }
    return rows;
  });

/** Consents, as the test taker and where asked as the guardian; then the recording runs and the institution knows of it. */
export async function consent(page: Page): Promise<void> {
  await page.getByRole("checkbox").first().waitFor();
  for (const box of await page.getByRole("checkbox").all()) await box.check();
  await page.getByRole("button", { name: "Start the recording" }).click();
  await page.getByText("Your institution has noted").waitFor();
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText(`You: ${text}`).waitFor();
}

export async function finish(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Finish the exam" }).click();
  await page.getByRole("button", { name: "Save the receipt" }).waitFor({ timeout: 60_000 });
}

/** Of an exam that is over, or not agreed to. */
export async function forget(page: Page, button = "Remove the exam"): Promise<void> {
  await page.getByRole("button", { name: button }).click();
  await page.getByText("No exam is open").waitFor();
  await page.evaluate(() => localStorage.clear());
}

/** Ends the extension's service worker, as the browser does with one that rests. */
export async function stopWorker(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("ServiceWorker.enable");
  await session.send("ServiceWorker.stopAllWorkers");
  await session.detach();
}

/** The recording that the course's page says the institution knows of. */
export async function announced(
  course: Page,
): Promise<{ readonly recordingId: string; readonly coreHash: string }> {
  const text = await course.locator("#recordings li").last().innerText();
  const [, recordingId, coreHash] = /Recording (\w+), (\w+)/.exec(text)!;
  return { recordingId: recordingId!, coreHash: coreHash! };
}

export const problem = (page: Page, kind: string) => page.locator(`[data-problem="${kind}"]`);

/** The content of a track's takes, joined. */
export async function contentOf(review: RecordingReview, name: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (const take of review.track(name).takes) {
    const source = take.source();
    parts.push(await source.read(0, take.size));
    await source.close();
  }
  return Buffer.concat(parts);
}

export const linesOf = async (review: RecordingReview, name: string): Promise<Record<string, string>[]> =>
  (await contentOf(review, name))
    .toString()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
