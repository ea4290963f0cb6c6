import { fileURLToPath } from "node:url";
import type { Page } from "playwright";
import { launchChromium } from "../../scripts/launch-chromium.js";
import { bundleForBrowser, servePage } from "../../test/helpers/page.js";
import type { Group } from "../lib/group.js";
import { longestTask } from "../lib/longest-task.js";
import { type Row, valueAtMost } from "../lib/row.js";
import type { captureCalls as Calls, Captured } from "../portable/capture.js";

/** Milliseconds of a task that a user notices (W3C Long Tasks). */
const LONG_TASK = 50;
/** Parts of a hundred. */
const DROPPED = 1;
const LENGTH = 60;
/** Seconds in which every encoder has started, also in a run with tiny sizes. */
const SHORTEST = 4;

const PAGE = fileURLToPath(new URL("../portable/capture.ts", import.meta.url));

export const group: Group = {
  title: "Capturing",
  about:
    "A camera with sound and a screen (a canvas with text that scrolls) at 1280 × 720 and 15 frames a second each, captured together in Chromium, sealed, journalled in IndexedDB and uploaded into memory. Dropped is what the browser says that it gave and no encoder encoded. Tasks are of the page's main thread, in time of the processor, by the browser's trace; the first row is a page that has both streams and captures nothing.",

  async run(scale) {
    const length = Math.max(SHORTEST, scale.count(LENGTH));
    const html = '<!doctype html><script type="module" src="/page.js"></script>';
    const server = await servePage({ "/page.js": await bundleForBrowser(PAGE), "/index.html": html });
    const context = await launchChromium({ fakeMedia: true });
    try {
      const rows: Row[] = [];
      for (const encoder of [undefined, "webcodecs", "media-recorder"] as const) {
        const page = await context.newPage();
        await page.goto(`${server.origin}/index.html`);
        await page.waitForFunction("globalThis.captureCalls");
        rows.push(...(await measured(page, encoder, length)));
        await page.close();
      }
      const version = context.browser()?.version() ?? "";
      return { rows, runtime: `Chromium ${Number.parseInt(version, 10)}` };
    } finally {
      await context.close();
      await server.close();
    }
  },
};

async function measured(
  page: Page,
  encoder: "webcodecs" | "media-recorder" | undefined,
  length: number,
): Promise<Row[]> {
  const cdp = await page.context().newCDPSession(page);
  const { result, longest } = await longestTask(cdp, () =>
    page.evaluate(
      (given) => (globalThis as unknown as { captureCalls: typeof Calls }).captureCalls.run(given),
      { encoder, length },
    ),
  );
  await cdp.detach();
  const what = encoder === undefined ? "nothing captured" : encoder;
  const target = encoder && { target: valueAtMost(LONG_TASK) };
  const task: Row = { what: `${what}: longest task`, value: longest, unit: "ms", ...target };
  return result ? [task, ...rowsOf(what, result, length)] : [task];
}

function rowsOf(what: string, { frames, bytes }: Captured, length: number): Row[] {
  const of = (name: "camera" | "screen"): Row => ({
    what: `${what}: dropped frames, ${name}`,
    value: (100 * frames[name].dropped) / frames[name].in,
    unit: "%",
    target: valueAtMost(DROPPED),
  });
  const perSecond = bytes / 1e6 / length;
  return [
    of("camera"),
    of("screen"),
    { what: `${what}: sealed, of a second`, value: perSecond, unit: "MB/s" },
  ];
}
