import { generateKeyPairSync, randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { crashPage } from "../../../test/extension/recorder-bench.js";
import { describeChromium } from "../../../test/helpers/browsers.js";
import { fillDisk, mountSmallDisk } from "../../../test/helpers/small-disk.js";
import { DAY, removeFolders } from "../../server/test/fixture.js";
import { announced, consent, contentOf, finish, forget, linesOf, problem, rowsLeft, say } from "./driver.js";
import { EXAM_PAGE, ExamWorld } from "./exam-world.js";

/** Milliseconds for a test with a whole exam in it, on a busy machine. */
const PATIENCE = 180_000;

/** Losses of devices that end, or give nothing for a moment, and of machines that are too busy. */
const OF_DEVICES = /^(undrained (source|overflow)|silent silence)$/;

describeChromium("an exam on a machine that is not as it should be", () => {
  let world: ExamWorld;
  const disk = mountSmallDisk(160);
  beforeAll(async () => {
    if (disk === undefined) return;
    world = await ExamWorld.start({ profile: join(disk, "profile") });
    await world.choose(["microphone", "screen"]);
  });
  afterAll(async () => {
    vi.useRealTimers();
    await world?.close();
    removeFolders();
  });
  afterEach(async () => {
    for (const page of world?.browser.pages().slice(1) ?? []) await page.close();
  });

  it(
    "policy names another institution: it does not start; the right one suffices. Screen and microphone end, the keyset expires, the token expires, the disk fills up: each is said, and all is stored",
    async ({ skip }) => {
      if (disk === undefined) return skip("this user may not mount a file system");
      const { id: institution, root } = world.institution;
      const { origin: server, lms } = { origin: world.origin, lms: world.lms.origin };
      await world.browser.close();
      world.policy = { institution, root: "00".repeat(32), server, lms };
      await world.launch();
      let page = await world.begin(await world.course());
      await problem(page, "pin-differs").waitFor();
      expect(await world.asked(page)).toEqual([""]);
      await world.browser.close();
      world.policy = { ...world.policy, root: root.thumbprint };
      await world.launch();
      page = await world.pageAt(EXAM_PAGE);
      await page.getByRole("checkbox").waitFor();
      const course = await world.course();
      await consent(page);
      const { recordingId, coreHash } = await announced(course);

      await end(page, "getDisplayMedia:video");
      await page.getByText("screen: is missing").waitFor();
      await page.getByText("microphone: is being recorded").waitFor();
      await end(page, "getUserMedia:audio");
      await page.getByText("microphone: is missing").waitFor();
      await page.getByRole("button", { name: "Try the missing devices again" }).click();
      await page.getByText("screen: is being recorded").waitFor();
      await page.getByText("microphone: is being recorded").waitFor();

      await world.publish(2, new Date(Date.now() - 1000), new Date(Date.now() - DAY));
      const history = await world.course("Sam Adeyemi", "history-1");
      await world.begin(history);
      await history.close();
      await problem(page, "other-exam").waitFor();
      await say(page, "after the keys had expired");

      // For the server, the upload token ended an hour ago, and the launch has ten to go.
      await world.restartServer(() => world.setServerAhead(2));
      await say(page, "after the token had expired");
      await page.getByText("All of it so far is sent").waitFor();

      const ballast = fillDisk(disk);
      await problem(page, "disk-full").waitFor();
      await say(page, "on a full disk");
      await finish(page);
      expect(await problem(page, "disk-full").count()).toBe(0);
      rmSync(ballast);
      await page.getByRole("heading", { name: "Exam: history-1" }).waitFor();
      await page.getByRole("button", { name: "Remove the exam" }).click();
      await page.getByText("algebra-1").waitFor({ state: "detached" });
      await problem(page, "keyset-time").waitFor();
      await world.publish(3, new Date(Date.now() + 80 * DAY));
      await world.restartServer(() => world.setServerAhead(0));
      await page.getByRole("button", { name: "Try again" }).click();
      await forget(page, "I do not agree");

      const review = await world.review(recordingId, coreHash);
      const verdict = await review.verify();
      expect(verdict).toMatchObject({ state: "interrupted", origin: "pinned", findings: [] });
      for (const { what, cause } of verdict.losses) expect(`${what} ${cause}`).toMatch(OF_DEVICES);
      expect((await linesOf(review, "chat")).map(({ text }) => text)).toEqual([
        "after the keys had expired",
        "after the token had expired",
        "on a full disk",
      ]);
      const ended = (await linesOf(review, "events")).filter(({ type }) => type === "device-ended");
      expect(ended.map(({ device }) => device)).toEqual(["screen", "microphone"]);
      expect(Object.values(await rowsLeft(page)).filter((count) => count > 0)).toEqual([]);
    },
    PATIENCE,
  );

  it(
    "the clock is two hours wrong at the start; the server is away for long, meanwhile the extension crashes and the launch ends: started again from the course, all is sent",
    async ({ skip }) => {
      if (disk === undefined) return skip("this user may not mount a file system");
      let course = await world.course();
      await world.restartServer(() => world.setServerAhead(2));
      vi.useFakeTimers({ toFake: ["Date"], shouldAdvanceTime: true, now: Date.now() + 7_200_000 });
      let page = await world.begin(course);
      await problem(page, "clock").waitFor();
      vi.useRealTimers();
      await world.restartServer(() => world.setServerAhead(0));
      await course.getByRole("button", { name: "Start the exam" }).click();
      await problem(page, "clock").waitFor({ state: "detached" });
      await consent(page);
      const { recordingId, coreHash } = await announced(course);

      await world.server.end("SIGKILL");
      const file = randomBytes(3_000_000);
      const input = page.getByLabel("File", { exact: true });
      await input.setInputFiles({ name: "proof.pdf", mimeType: "application/pdf", buffer: file });
      await page.getByRole("button", { name: "Hand in the file" }).click();
      await page.getByText("Handed in: proof.pdf").waitFor();
      await problem(page, "server-down").waitFor();
      await say(page, "said to nobody");
      await endLaunch(page);
      await crashPage(world.browser, page);
      await course.getByText("The recorder has stopped").waitFor();
      await world.killBrowser();
      page = await world.pageAt(EXAM_PAGE);
      await page.getByText("nothing is recorded any more").waitFor();
      const key = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
      writeFileSync(world.variables.BLINDREEL_LAUNCH_KEY!, key);
      await world.startServer();
      await problem(page, "launch-over").waitFor({ timeout: 30_000 });
      course = await world.course();
      await world.begin(course);
      await page.getByRole("button", { name: "Save the receipt" }).waitFor({ timeout: 60_000 });
      expect(await page.locator("[data-problem]").count()).toBe(0);

      const review = await world.review(recordingId, coreHash);
      const verdict = await review.verify();
      expect(verdict).toMatchObject({ state: "interrupted", origin: "pinned", findings: [] });
      for (const { what, cause } of verdict.losses)
        if (`${what} ${cause}` !== "unsealed crash") expect(`${what} ${cause}`).toMatch(OF_DEVICES);
      expect((await linesOf(review, "chat")).map(({ text }) => text)).toEqual(["said to nobody"]);
      expect(Buffer.compare(await contentOf(review, "homework-1"), file)).toBe(0);
      await forget(page);
    },
    PATIENCE,
  );

  /** As twelve hours do. */
  const endLaunch = (page: Page): Promise<void> =>
    page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const opening = indexedDB.open("exams");
          opening.onsuccess = () => {
            const table = opening.result.transaction("exams", "readwrite").objectStore("exams");
            table.openCursor().onsuccess = ({ target }) => {
              const cursor = (target as IDBRequest<IDBCursorWithValue>).result;
              cursor.update({ ...cursor.value, launchEnds: 0 });
            };
            table.transaction.oncomplete = () => {
              opening.result.close();
              resolve();
            };
            table.transaction.onabort = reject;
          };
        }),
    );

  /** As a device that is unplugged, or the browser's own "stop sharing": in every page that has it. */
  const end = (page: Page, kind: "getDisplayMedia:video" | "getUserMedia:audio"): Promise<void> =>
    page.evaluate((given) => new BroadcastChannel("test").postMessage(given), kind);
});
