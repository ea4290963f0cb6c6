import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../helpers/browsers.js";
import { crashPage, RecorderBench } from "./recorder-bench.js";
import type { RecorderTools } from "./recorder-page.js";

declare const tools: RecorderTools;

const EBML = [0x1a, 0x45, 0xdf, 0xa3];

describeChromium("a real recorder", () => {
  let bench: RecorderBench;
  let browser: BrowserContext;
  beforeAll(async () => {
    bench = await RecorderBench.start();
    browser = await launchChromium({ fakeMedia: true });
  });
  afterAll(async () => {
    await browser?.close();
    await bench?.server.close();
  });
  beforeEach(() => {
    bench.server.givenDelay = 0;
  });
  const jwk = (): object => bench.identity.recipient.toJwk() as object;
  /** A page of a test of its own: what others gave is forgotten, by its numbers. */
  async function begun(isBare: boolean): Promise<{ page: Page; coreHash: string; recordingId: string }> {
    bench.server.forget();
    const page = await bench.openPage(browser);
    const { isResumable, ...started } = await page.evaluate(([key, bare]) => tools.start(key, bare), [
      jwk(),
      isBare,
    ] as const);
    expect(isResumable).toBe(true);
    return { page, ...started };
  }
  const DONE = { undrained: [], outcome: "stored", left: 0, rows: 0 };

  it("camera, canvas and chat; the page crashes; it resumes, finishes, uploads; the crash is named and nothing else is lost", async () => {
    const { page, ...started } = await begun(false);
    await bench.untilGiven("camera/0", 20_000);
    await bench.untilGiven("screen/0", 5_000);
    const before = ["camera", "screen"].map((name) => bench.server.given(`${name}/0`).length);
    await page.evaluate(() => tools.flush());
    await bench.untilGiven("camera/0", before[0]! + 20_000);
    await crashPage(browser, page);

    const next = await bench.openPage(browser);
    const resumed = await next.evaluate(() => tools.resume(1));
    expect(resumed).toEqual({ journals: ["algebra-2, room 7"], canSign: true });
    await bench.untilGiven("camera/1", 20_000);
    await bench.untilGiven("screen/1", 1);
    expect(await next.evaluate(() => tools.finish())).toEqual(DONE);

    const { verdict, losses, metadata, takes } = await bench.review(started);
    expect(verdict).toMatchObject({ state: "interrupted", origin: "pinned", findings: [], uncovered: [] });
    for (const loss of losses) expect(loss).toMatchObject({ what: "unsealed", cause: "crash" });
    expect(metadata).toEqual({ exam: "algebra-2" });
    bench.expectAllKnown(started.recordingId, verdict);
    const chat = takes.get("chat")!.map(({ content }) => new TextDecoder().decode(content));
    expect(chat.join("")).toMatch(/^(run 0: hello\n)?run 1: hello\n$/);
    for (const [i, name] of ["camera", "screen"].entries()) {
      const own = takes.get(name)!;
      expect([name, ...bench.runsOf(name, own, 2)]).toEqual([name, 0, 1]);
      const [first, second] = own as [(typeof own)[0], (typeof own)[0]];
      expect(first.content.length).toBeGreaterThanOrEqual(before[i]!);
      expect(second.content.length).toBe(bench.server.given(`${name}/1`).length);
      for (const { content, type } of own) {
        expect([...content.subarray(0, 4)]).toEqual(EBML);
        expect(type).toMatch(/^video\/webm;codecs="?vp8/);
      }
      for (const { content } of own) {
        const base64 = Buffer.from(content).toString("base64");
        const { width, time } = await next.evaluate((text) => tools.plays(text), base64);
        expect(width).toBeGreaterThan(0);
        expect(time).toBeGreaterThan(0);
      }
    }
    await next.close();
  });

  it("fault M6: where the test's own copy of what the recorder gave is slow, a crashed take is still a beginning of it", async () => {
    const { page, ...started } = await begun(false);
    // As on a machine under load: the page crashes with copies on their way.
    bench.server.givenDelay = 400;
    await bench.untilGiven("camera/0", 20_000);
    await crashPage(browser, page);
    bench.server.givenDelay = 0;
    const next = await bench.openPage(browser);
    await next.evaluate(() => tools.resume(1));
    await bench.untilGiven("camera/1", 10_000);
    expect(await next.evaluate(() => tools.finish())).toEqual(DONE);
    const { takes, verdict } = await bench.review(started);
    expect(verdict.state).toBe("interrupted");
    for (const name of ["camera", "screen"]) expect(bench.runsOf(name, takes.get(name)!, 2).at(-1)).toBe(1);
    await next.close();
  });

  it("fault M1: a track is added while it records: all that Chromium gives is there, and what is lost is named", async () => {
    const { page, ...started } = await begun(true);
    await page.evaluate(() => tools.addTrack());
    const { outcomes } = await page.evaluate(() => tools.seen());
    expect(outcomes).toEqual({ screen: "source-failed" });
    expect(await page.evaluate(() => tools.finish())).toEqual(DONE);
    const { verdict, losses, takes } = await bench.review(started);
    expect(verdict.state).toBe("interrupted");
    expect(losses).toEqual([{ what: "undrained", cause: "source", track: "screen" }]);
    const [take] = takes.get("screen")!;
    expect(take!.content.length).toBe(bench.server.given("screen/0").length);
    expect(bench.runsOf("screen", [take!], 1)).toEqual([0]);
    expect(take!.content.length).toBeGreaterThan(1000);
    await page.close();
  });

  it("fault M4: a recorder that was given no type: the take has the one it then records", async () => {
    const { page, ...started } = await begun(true);
    expect(await page.evaluate(() => tools.noType())).toBe("");
    const { type } = await page.evaluate(() => tools.seen());
    expect(type).toMatch(/^video\//);
    expect(await page.evaluate(() => tools.finish())).toEqual(DONE);
    const { verdict, takes } = await bench.review(started);
    expect(verdict.state).toBe("complete");
    expect(takes.get("screen")!.map((take) => take.type)).toEqual([type]);
    await page.close();
  });

  it("fault M5: a camera that gives nothing is told of while it does, and is a loss", async () => {
    const { page, ...started } = await begun(true);
    await page.evaluate(() => tools.silence());
    const { events } = await page.evaluate(() => tools.seen());
    expect(events).toEqual([{ type: "silent", track: "camera" }]);
    expect(await page.evaluate(() => tools.finish())).toEqual(DONE);
    const { verdict, losses } = await bench.review(started);
    expect(verdict.state).toBe("interrupted");
    expect(losses).toEqual([{ what: "silent", cause: "silence", track: "camera" }]);
    await page.close();
  });
});
