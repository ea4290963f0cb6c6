import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { openPage, says } from "../../ui/test/page.js";
import { type Exam, MEDIA, recordExam } from "./exam.js";
import { openExam, type Site, startSite } from "./page.js";

interface Shown {
  /** Seconds of the recording. */
  readonly time: number;
  readonly isPaused: boolean;
  readonly rate: number;
  readonly isMuted: boolean;
  readonly hasPicture: boolean;
}

describeChromium("tracks in the page", () => {
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
  afterEach(async () => {
    for (const page of browser.pages()) await page.close();
    expect(site.complaints.splice(0)).toEqual([]);
  });

  const shown = (page: Page): Promise<Shown[]> =>
    page.locator("video").evaluateAll((videos) =>
      (videos as HTMLVideoElement[]).map((video) => ({
        time: video.currentTime,
        isPaused: video.paused,
        rate: video.playbackRate,
        isMuted: video.muted,
        hasPicture: video.readyState >= 2 && video.videoWidth === 480,
      })),
    );
  const opened = async (exam: Exam = site.exam): Promise<Page> => {
    const page = await openPage(site, browser);
    await openExam(page, { ...site, exam });
    await page.locator(".lines li").first().waitFor();
    return page;
  };
  const withPictures = (page: Page, count = 2) =>
    expect
      .poll(async () => (await shown(page)).filter(({ hasPicture }) => hasPicture).length, {
        timeout: 15_000,
      })
      .toBe(count);
  const position = (page: Page) => page.getByRole("slider").getAttribute("aria-valuetext");
  /** Seconds, of each video that comes there. */
  const times = async (page: Page) => (await shown(page)).map(({ time }) => Math.round(time * 10) / 10);

  it("play in step, at the chosen speed, one of them heard", async () => {
    const page = await opened();
    await withPictures(page);
    expect((await shown(page)).map(({ isMuted }) => isMuted)).toEqual([false, true]);
    await page.getByRole("radio").nth(1).check();
    expect((await shown(page)).map(({ isMuted }) => isMuted)).toEqual([true, false]);
    await page.getByLabel("Speed").selectOption("2");
    await page.getByRole("button", { name: "Play", exact: true }).click();
    await expect.poll(async () => (await shown(page))[0]!.time, { timeout: 15_000 }).toBeGreaterThan(3);
    const [camera, screen] = (await shown(page)) as [Shown, Shown];
    expect(camera.rate).toBe(2);
    expect(Math.abs(camera.time - screen.time)).toBeLessThan(0.3);
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await expect.poll(async () => (await shown(page)).every(({ isPaused }) => isPaused)).toBe(true);
    expect(await position(page)).not.toBe("0:00");
  });

  it("seek by flag, by line, by slider and by the timeline: time is the recording's", async () => {
    const page = await opened();
    await withPictures(page);
    await page.getByRole("button", { name: "Next flag" }).click();
    await expect.poll(() => times(page)).toEqual([3, 3]);
    await page.getByRole("button", { name: "0:06" }).click();
    await expect.poll(() => times(page)).toEqual([6, 6]);
    await page.getByRole("slider").fill("14000");
    await expect.poll(async () => (await times(page))[0]).toBe(14);
    const { width } = (await page.locator(".timeline svg").boundingBox())!;
    await page.locator(".timeline svg").click({ position: { x: width / 4, y: 8 } });
    await expect.poll(() => times(page)).toEqual([5, 5]);
  });

  it("what is asked for before the first picture is there counts, and arrows choose what is heard", async () => {
    const page = await openPage(site, browser);
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route(/\/000[12]\/.*seg$/, async (route) => {
      await released;
      await route.continue();
    });
    await openExam(page, site);
    await page.locator(".lines li").nth(6).waitFor();
    await page.getByRole("button", { name: "Next flag" }).click();
    await page.getByLabel("Speed").selectOption("2");
    expect((await shown(page)).some(({ hasPicture }) => hasPicture)).toBe(false);
    release();
    await withPictures(page);
    await expect.poll(() => times(page)).toEqual([3, 3]);
    await expect.poll(async () => (await shown(page)).map(({ rate }) => rate)).toEqual([2, 2]);
    await page.getByRole("radio").first().focus();
    await page.keyboard.press("ArrowRight");
    expect((await shown(page)).map(({ isMuted }) => isMuted)).toEqual([true, false]);
    expect(await position(page)).toBe("0:03");
  });

  it("a flag in a gap of all is where the position stays, and playing goes on behind it", async () => {
    const page = await opened();
    await withPictures(page);
    await page.getByRole("button", { name: "0:11" }).click();
    expect(await position(page)).toBe("0:11");
    await page.getByRole("button", { name: "Previous flag" }).click();
    await expect.poll(() => position(page)).toBe("0:03");
    await page.getByRole("button", { name: "0:11" }).click();
    await page.getByRole("button", { name: "Play", exact: true }).click();
    await expect.poll(async () => (await shown(page))[0]!.time, { timeout: 15_000 }).toBeGreaterThan(12.5);
    // To the end, and it stops there.
    await page.getByLabel("Speed").selectOption("4");
    await page.getByRole("button", { name: "Play", exact: true }).waitFor();
    expect(await position(page)).toBe("0:20");
  });

  it("an altered segment is a gap on the timeline, and what is around it plays", async () => {
    const exam = await recordExam(site.folder, site.identity);
    const segment = join(site.folder, exam.recordingId, "0001", "00000002.seg");
    const bytes = await readFile(segment);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(segment, bytes);
    const page = await opened(exam);
    await withPictures(page);
    await page.locator(".timeline .gap").waitFor({ state: "attached" });
    expect(await page.locator(".timeline .gap title").textContent()).toBe("not what was signed");
    await page.getByRole("button", { name: "0:06" }).click();
    await expect.poll(() => times(page)).toEqual([6, 6]);
    await page.getByRole("button", { name: "0:01" }).click();
    await expect.poll(() => times(page)).toEqual([1, 1]);
  });

  it("a track of a codec that the browser lacks is said, and the others play", async () => {
    const exam = await recordExam(site.folder, site.identity, {
      async change(recording) {
        const track = recording.track("hologram");
        track.startTake({ type: 'video/hologram;codecs="h1"' });
        await track.write(new Uint8Array(500));
        await track.write(new Uint8Array(5000), { startsSegment: true });
      },
    });
    const page = await opened(exam);
    await withPictures(page);
    await says(page, "This browser cannot play this kind of video or sound.");
    await page.getByRole("button", { name: "0:04" }).click();
    await expect.poll(async () => (await times(page)).slice(0, 2)).toEqual([4, 4]);
  });

  it("a track of a MediaRecorder is indexed when it is first opened, and the index is kept", async () => {
    const film = new Uint8Array(await readFile(MEDIA));
    const exam = await recordExam(site.folder, site.identity, {
      async change(recording, at) {
        const track = recording.track("phone");
        track.startTake({ type: "video/webm;codecs=vp8,opus" });
        for (let second = 0; second < 8; second++) {
          at(20 + second);
          await track.write(film.slice(second * 100_000, (second + 1) * 100_000));
        }
        at(28);
      },
    });
    const page = await opened(exam);
    await withPictures(page, 3);
    await page.getByRole("slider").fill("25000");
    await expect.poll(async () => (await times(page))[2]).toBe(25);
    const kept = () =>
      page.evaluate(() => Object.keys(localStorage).filter((name) => name.startsWith("index ")));
    expect(await kept()).toEqual([expect.stringContaining(exam.coreHash)]);
    // It counts: another in its place is noticed.
    await page.evaluate(() => {
      for (const name of Object.keys(localStorage)) {
        const index = JSON.parse(localStorage.getItem(name)!) as { type: string };
        localStorage.setItem(name, JSON.stringify({ ...index, type: 'video/hologram;codecs="h1"' }));
      }
    });
    const again = await opened(exam);
    await withPictures(again);
    await says(again, "This browser cannot play this kind of video or sound.");
    // One of another size, or none at all, is made anew.
    for (const broken of ['{"size":1}', "{"]) {
      await again.evaluate((value) => {
        for (const name of Object.keys(localStorage)) localStorage.setItem(name, value);
      }, broken);
      const anew = await opened(exam);
      await withPictures(anew, 3);
      expect(await anew.evaluate((name) => localStorage.getItem(name)!, (await kept())[0]!)).toContain(
        "units",
      );
    }
  });

  it("closing the recording ends its requests and takes the media away", async () => {
    const page = await opened();
    await withPictures(page);
    await page.getByRole("button", { name: "Play", exact: true }).click();
    await page.getByRole("button", { name: "Close the recording" }).click();
    await page.getByLabel("Address of the recording").waitFor();
    expect(await page.locator("video").count()).toBe(0);
  });
});
