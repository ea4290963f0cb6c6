/** Capture in a tab that nobody sees, and in Firefox. */
import { chromium, firefox } from "playwright";
import puppeteer, { type Browser, type LaunchOptions, type Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM_FLAGS } from "../../scripts/launch-chromium.js";
import { findChromium, findFirefox } from "../../scripts/runtimes.js";
import type { CaptureOptions } from "../../src/capture/index.js";
import { CaptureBench, expectPlayable } from "./bench.js";
import type { CaptureTools, Outcome } from "./page.js";
import type { Scenario } from "./scenarios.js";

declare const tools: CaptureTools;

let bench: CaptureBench;
beforeAll(async () => {
  bench = await CaptureBench.start();
});
afterAll(() => bench?.server.close());

type Asked = readonly [Scenario, object, CaptureOptions];

/** A page of either library: both evaluate a function of one argument. */
interface Evaluating {
  evaluate(action: (asked: Asked) => Promise<Outcome>, asked: Asked): Promise<Outcome>;
}

async function captured(page: Evaluating, scenario: Scenario, options: CaptureOptions = {}) {
  const asked: Asked = [scenario, bench.recipient, options];
  const outcome = await page.evaluate(([name, to, own]) => tools.run(name, to, own), asked);
  return { ...outcome, ...(await bench.review(outcome)) };
}

/** By puppeteer: playwright shows every page as if it was seen. */
async function openPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${bench.server.origin}/index.html`);
  await page.waitForFunction(() => "tools" in globalThis);
  return page;
}

const found = { chromium: findChromium(), firefox: findFirefox() };
for (const [name, each] of Object.entries(found))
  if (!each && process.env.CI) throw new Error(`${name} is missing: npm run setup`);

describe.skipIf(!found.chromium)("a tab that nobody sees, in Chromium", () => {
  const MISSING = [
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
  ];
  const FAKE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
  let browser: Browser;
  beforeAll(async () => {
    const { kind, path } = found.chromium!;
    browser = await puppeteer.launch({
      executablePath: kind === "system" ? path : chromium.executablePath(),
      args: [...CHROMIUM_FLAGS, ...FAKE],
      ignoreDefaultArgs: MISSING,
    });
  });
  afterAll(() => browser?.close());

  it.each(["webcodecs", "media-recorder"] as const)("is captured on, by %s", async (encoder) => {
    const page = await openPage(browser);
    const session = await page.createCDPSession();
    await session.send("Emulation.setFocusEmulationEnabled", { enabled: false });
    const capturing = captured(page, "hidden", { encoder });
    const other = await browser.newPage();
    await other.bringToFront();
    const { verdict, takes, notes, ends } = await capturing;
    expect([notes.hidden, ends.camera, verdict.state]).toEqual([true, "done", "complete"]);
    expect(takes.camera).toHaveLength(1);
    const { video, audio } = await expectPlayable(takes.camera![0]!);
    expect(video.at(-1)!.timestamp).toBeGreaterThan(3);
    // The page's timers come once a second.
    expect(video.length).toBeGreaterThan(25);
    expect(audio.length).toBeGreaterThan(40);
    for (const each of [other, page]) await each.close();
  });
});

describe.skipIf(!found.firefox)("Firefox", () => {
  let browser: { close(): Promise<void> };
  let page: Evaluating;
  beforeAll(async () => {
    const { kind, path } = found.firefox!;
    const prefs = { "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true };
    if (kind === "system") {
      const options: LaunchOptions = { browser: "firefox", executablePath: path, extraPrefsFirefox: prefs };
      const started = await puppeteer.launch(options);
      browser = started;
      page = await openPage(started);
      return;
    }
    const started = await firefox.launch({ firefoxUserPrefs: prefs });
    browser = started;
    const opened = await started.newPage();
    await opened.goto(`${bench.server.origin}/index.html`);
    await opened.waitForFunction(() => "tools" in globalThis);
    page = opened as unknown as Evaluating;
  });
  afterAll(() => browser?.close());

  it("captures by a recorder: a camera and a canvas beside it", async () => {
    const { verdict, encoders, takes, ends } = await captured(page, "plain");
    expect(encoders).toEqual(["media-recorder", "media-recorder"]);
    expect([verdict.state, ends]).toEqual(["complete", { camera: "done", screen: "done" }]);
    for (const name of ["camera", "screen"]) {
      const [take, ...more] = takes[name]!;
      const { video, audio } = await expectPlayable(take!);
      expect([more.length, audio.length > 0]).toEqual([0, name === "camera"]);
      expect(video.length).toBeGreaterThan(30);
      expect(video.at(-1)!.timestamp).toBeGreaterThan(4);
    }
  });

  it("has two takes where it was paused", async () => {
    const { verdict, takes } = await captured(page, "pauses");
    expect([verdict.state, takes.camera!.length]).toEqual(["complete", 2]);
    for (const take of takes.camera!) expect((await expectPlayable(take)).video.length).toBeGreaterThan(10);
  });

  it("refuses WebCodecs, of which it has no readable tracks", async () => {
    const refused = captured(page, "plain", { encoder: "webcodecs" });
    await expect(refused).rejects.toThrow("this runtime has no WebCodecs");
  });
});
