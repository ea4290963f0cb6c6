import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ExportableIdentity, generateIdentity } from "blindreel";
import type { BrowserContext, Page, Request } from "playwright";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { openPage, says, type Upload, upload } from "../../ui/test/page.js";
import { recordExam } from "./exam.js";
import { excerptOf, openExcerpt, type Site, startSite } from "./page.js";

describeChromium("a saved excerpt in the page", () => {
  let site: Site;
  let browser: BrowserContext;
  let camera: Upload;
  beforeAll(async () => {
    site = await startSite();
    camera = await excerptOf(site, "camera", [4.5, 5]);
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
  const opened = async (file: Upload, coreHash = ""): Promise<Page> => {
    const page = await openPage(site, browser);
    await openExcerpt(page, file, coreHash);
    return page;
  };

  it("shows without a key what it proves, and plays, without asking the store", async () => {
    const asked: string[] = [];
    const note = (request: Request): void => void asked.push(request.url());
    browser.on("request", note);
    const page = await opened(camera, site.exam.coreHash);
    const excerpt = page.locator("excerpt-view");
    await excerpt.getByText("This is what was recorded on this track").waitFor();
    await excerpt.getByText("It is the recording that was announced.").waitFor();
    await excerpt.getByText(site.exam.recordingId).waitFor();
    const year = new Date("2026-05-04T09:00:00Z").getFullYear();
    // The track's beginning, without which nothing plays, and the segment around 4.5 s.
    expect(await excerpt.locator("dd p").allInnerTexts()).toEqual([
      expect.stringMatching(new RegExp(`May 4, ${year}.*:00:00.* – .*:00:00`)),
      expect.stringMatching(/^Segments left out here: \d+$/),
      expect.stringMatching(/:00:04.* – .*:00:0\d/),
    ]);
    await excerpt.getByText("Between these times it holds nothing.").waitFor();
    const video = excerpt.locator("video");
    await video.evaluate(async (element: HTMLVideoElement) => {
      element.muted = true;
      await element.play();
    });
    await expect
      .poll(() => video.evaluate((element: HTMLVideoElement) => element.currentTime), { timeout: 15_000 })
      .toBeGreaterThan(0.5);
    expect(await video.evaluate((element: HTMLVideoElement) => element.videoWidth)).toBe(480);
    browser.off("request", note);
    expect(asked.filter((url) => !/^(data:|blob:)|\/(assets\/[^/]+|settings[.]json)?$/.test(url))).toEqual(
      [],
    );
    expect(asked.length).toBeGreaterThan(3);
    const downloading = page.waitForEvent("download");
    await excerpt.getByRole("button", { name: "Save as an ordinary video" }).click();
    expect((await downloading).suggestedFilename()).toBe("camera.webm");
  });

  it("shows lines of a text track, and says where nothing was compared", async () => {
    const page = await opened(await excerptOf(site, "chat", [0, 20]));
    const lines = page.locator("excerpt-view .lines li");
    await lines.nth(2).waitFor();
    expect(await lines.first().innerText()).toMatch(/:00:01.*\s+message: Is question 3 about esters\?$/);
    await page.getByText("Nobody told this page which recording it has to be").waitFor();
    // The next one takes its place.
    await openExcerpt(page, camera);
    await page.locator("excerpt-view video").waitFor();
    expect(await lines.count()).toBe(0);
  });

  it("what is none, is of another recording or was altered is a sentence that says what to do", async () => {
    const page = await opened(upload("notes.txt", "hello"));
    await says(page, "This is no receipt and no excerpt. Pick the file as you were given it.");
    const altered = Buffer.from(camera.buffer);
    altered[altered.length - 100]! ^= 1;
    await openExcerpt(page, upload("camera.excerpt", altered));
    await says(page, "This was altered after it was made");
    expect(await page.locator("excerpt-view video, excerpt-view dl").count()).toBe(0);
    await openExcerpt(page, upload("camera.excerpt", camera.buffer.subarray(0, 5000)));
    await says(page, "This file ends too early or is damaged, so it proves nothing.");
    await openExcerpt(page, camera, "f".repeat(64));
    await says(page, "This is of another recording than the one that was announced");
    await openExcerpt(page, camera, "f00");
    await says(page, "The fingerprint has 64 letters and digits");
    await openExcerpt(page, await excerptOf(site, "camera", [4.5, 5], { objects: false }));
    await says(page, "This excerpt proves what was recorded and does not hold it.");
    const large = join(site.folder, "large.excerpt");
    await writeFile(large, "BLRX");
    await truncate(large, 65 * 2 ** 20);
    await openExcerpt(page, large);
    await says(page, "This is larger than any receipt or excerpt.");
    await page.reload();
    await page.getByRole("button", { name: "Open the excerpt" }).click();
    await says(page, "No excerpt was picked.");
  });

  it("content that is no video of this browser's is a sentence, and what it proves stays", async () => {
    const identity: ExportableIdentity = await generateIdentity();
    const exam = await recordExam(site.folder, identity, {
      async change(recording) {
        const track = recording.track("hologram");
        track.startTake({ type: 'video/hologram;codecs="h1"' });
        await track.write(new Uint8Array(5000).fill(7), { startsSegment: true });
      },
    });
    const page = await opened(await excerptOf({ ...site, identity, exam }, "hologram", [19, 21]));
    await says(page, "What it holds is as it was signed, and has no picture to begin with.");
    await page.locator("excerpt-view dl").getByText("hologram").first().waitFor();
  });
});
