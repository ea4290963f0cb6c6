import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { describeChromium } from "../../../test/helpers/browsers.js";
import { folder, removeFolders } from "../../server/test/fixture.js";
import { announced, consent, finish, linesOf } from "./driver.js";
import { countingExtension, ExamWorld } from "./exam-world.js";

/** A cup, 600 × 400: Chromium's file for a camera is JPEG pictures one after the other, of the baseline kind. */
const CUP = fileURLToPath(new URL("../../detector/test/pictures/coffee.jpg", import.meta.url));

describeChromium("the detector in the extension", () => {
  let world: ExamWorld;
  afterAll(async () => {
    await world?.close();
    removeFolders();
  });

  it("flags that no face is before the camera, where the instructor has chosen it, and says when it looked; a build can leave it out", async () => {
    const film = join(folder(), "cup.mjpeg");
    copyFileSync(CUP, film);
    world = await ExamWorld.start({ film, build: { BLINDREEL_DETECTOR_EVERY: "0.2" } });
    await world.choose(["camera", "flags"]);
    const course = await world.course();
    const page = await world.begin(course);
    await page.getByText("counts faces").waitFor();
    await consent(page);
    const { recordingId, coreHash } = await announced(course);
    const written = async (): Promise<string> => {
      const review = await world.review(recordingId, coreHash);
      return JSON.stringify(await linesOf(review, "events").catch(() => []));
    };
    await expect.poll(written, { timeout: 60_000, interval: 2000 }).toMatch(/"type":"(flag|detector-end)"/);
    await finish(page);
    const review = await world.review(recordingId, coreHash);
    const lines = (await linesOf(review, "events")).filter(({ type }) => /^(detector|flag)/.test(type!));
    expect(lines).toMatchObject([
      { type: "detector", every: 0.2, inARow: 3 },
      { type: "flag", what: "no-face", frames: 3 },
      { type: "flag-end", what: "no-face" },
      { type: "detector-end", why: "closed" },
    ]);
    expect(await page.evaluate(() => localStorage.violations)).toBeUndefined();
    expect(existsSync(join(countingExtension({ BLINDREEL_DETECTOR: "none" }), "detector.js"))).toBe(false);
  }, 180_000);
});
