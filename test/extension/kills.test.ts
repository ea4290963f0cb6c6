import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../helpers/browsers.js";
import { generator, SEED } from "../helpers/bytes.js";
import { crashPage, killBrowser, RecorderBench } from "./recorder-bench.js";
import type { RecorderTools } from "./recorder-page.js";

declare const tools: RecorderTools;

/** How often page or browser are ended; `npm run crash` does it twenty times. */
const KILLS = Number(process.env.BLINDREEL_KILLS ?? (process.env.BLINDREEL_CRASH === "all" ? 20 : 6));
const KINDS = ["page closed", "page crashed", "browser killed"] as const;

describeChromium("B2 a recording whose page and browser are ended again and again", () => {
  let bench: RecorderBench;
  let browser: BrowserContext;
  const profile = mkdtempSync(join(tmpdir(), "blindreel-profile-"));
  const launch = async (): Promise<void> => {
    browser = await launchChromium({ fakeMedia: true, profile });
  };
  beforeAll(async () => {
    bench = await RecorderBench.start();
    await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await bench?.server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });

  async function end(kind: (typeof KINDS)[number], page: Page): Promise<void> {
    if (kind === "page closed") return page.close();
    if (kind === "page crashed") return crashPage(browser, page);
    const closed = new Promise((resolve) => browser.once("close", resolve));
    killBrowser(profile);
    await closed;
    await launch();
  }

  it(`${KILLS} ends, and what the server acknowledged is all there, in order, and plays`, async () => {
    const random = generator(SEED);
    const counts = new Map<string, number>();
    const jwk = bench.identity.recipient.toJwk() as object;
    let page = await bench.openPage(browser);
    const started = await page.evaluate((key) => tools.start(key), jwk);
    for (let run = 1; run <= KILLS; run++) {
      await new Promise((resolve) => setTimeout(resolve, random() * 1200));
      const kind = KINDS[(run + Math.floor(random() * 2)) % KINDS.length]!;
      await end(kind, page);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      page = await bench.openPage(browser);
      const resuming = page.evaluate((number) => tools.resume(number), run);
      // Some are ended while they resume.
      if (random() < 0.25 && run < KILLS) resuming.catch(() => {});
      else expect(await resuming).toEqual({ journals: ["algebra-2, room 7"], canSign: true });
    }
    await bench.untilGiven(`camera/${KILLS}`, 20_000);
    await bench.untilGiven(`screen/${KILLS}`, 1);
    expect(await page.evaluate(() => tools.finish())).toEqual({
      undrained: [],
      outcome: "stored",
      left: 0,
      rows: 0,
    });

    const { verdict, losses, takes } = await bench.review(started);
    expect(verdict).toMatchObject({ state: "interrupted", origin: "pinned", findings: [], uncovered: [] });
    expect(losses.filter(({ what, cause }) => what !== "unsealed" || cause !== "crash")).toEqual([]);
    bench.expectAllKnown(started.recordingId, verdict);
    const runs = ["camera", "screen"].map((name) => bench.runsOf(name, takes.get(name)!, KILLS + 1));
    for (const own of runs) expect(own.at(-1)).toBe(KILLS);
    // One that was ended at once has no picture yet.
    const long = takes.get("camera")!.filter(({ content }) => content.length > 30_000);
    for (const { content } of long.slice(-2)) {
      const text = Buffer.from(content).toString("base64");
      const { width } = await page.evaluate((base64) => tools.plays(base64), text);
      expect(width).toBeGreaterThan(0);
    }
    console.log(`${KILLS} ends (BLINDREEL_SEED=${SEED}):`, Object.fromEntries(counts), {
      segments: verdict.seen.segments,
      objects: bench.server.objects.size,
      losses: losses.length,
      takes: { camera: runs[0]!.length, screen: runs[1]!.length },
    });
  }, 600_000);
});
