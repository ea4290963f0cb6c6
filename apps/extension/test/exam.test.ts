import { createHash, randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { importRecipient, type OkpJwk, seal } from "blindreel";
import { openReceipt, type Verdict } from "blindreel/review";
import type { Page } from "playwright";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeChromium } from "../../../test/helpers/browsers.js";
import { removeFolders } from "../../server/test/fixture.js";
import { expectPicture, settle, tabStops } from "../../ui/test/look.js";
import {
  announced,
  consent,
  contentOf,
  expectAccessible,
  finish,
  forget,
  linesOf,
  rowsLeft,
  say,
  stopWorker,
} from "./driver.js";
import { EXAM_PAGE, ExamWorld } from "./exam-world.js";

/** Nothing is missing but what a busy machine could not encode, which the log names. */
function expectWhole({ state, origin, findings, losses }: Verdict): void {
  const others = losses.filter(
    ({ what, cause, track }) =>
      !(what === "undrained" && /^(source|overflow)$/.test(cause) && /^(camera|screen)$/.test(track ?? "")),
  );
  expect({ others, findings, origin }).toEqual({ others: [], findings: [], origin: "pinned" });
  expect(state).toBe(losses.length > 0 ? "interrupted" : "complete");
}

/** Of the documentation, where the machine is not too busy; and all of it can be reached by the keyboard. */
async function looksAsDocumented(page: Page, name: string, height: number): Promise<void> {
  expect((await tabStops(page)).length).toBeGreaterThan(1);
  const hide = (isHidden: boolean) =>
    page.evaluate((hidden) => {
      for (const alert of document.querySelectorAll<HTMLElement>("[role=alert]")) alert.hidden = hidden;
    }, isHidden);
  await hide(true);
  const restore = await settle(page);
  await expectPicture(page, `extension-${name}`, "light", [1024, height]);
  await restore();
  await hide(false);
}

/** Milliseconds for a test with a whole exam in it, on a busy machine. */
const PATIENCE = 180_000;

describeChromium("an exam from launch to receipt", () => {
  let world: ExamWorld;
  const replyKeys = new Set<string>();
  beforeAll(async () => {
    world = await ExamWorld.start();
  });
  afterAll(async () => {
    await world?.close();
    removeFolders();
  });
  afterEach(async () => {
    for (const page of world.browser.pages().slice(1)) await page.close();
  });

  it(
    "microphone alone: nothing else is asked for; the browser is killed, then the extension updated: it goes on each time, and the kill alone is a loss",
    async () => {
      await world.choose(["microphone"]);
      let course = await world.course();
      let page = await world.begin(course);
      await consent(page);
      expect(await world.asked(page)).toEqual(["getUserMedia:audio", "getUserMedia:audio"]);
      await say(page, "before the kill");
      const { recordingId, coreHash } = await announced(course);

      await world.killBrowser();
      page = await world.pageAt(EXAM_PAGE);
      await page.getByText("microphone: is being recorded").waitFor();
      await say(page, "after the kill");
      const gone = page.waitForEvent("close");
      // By the page: a call to a worker that is just stopped is never answered.
      await page.evaluate(() => chrome.runtime.reload()).catch(() => {});
      await gone;
      page = await world.pageAt(EXAM_PAGE);
      await page.getByText("microphone: is being recorded").waitFor();
      await say(page, "after the update");
      course = await world.course();
      await finish(page);
      const review = await world.review(recordingId, coreHash);
      const verdict = await review.verify();
      expect(verdict).toMatchObject({ state: "interrupted", origin: "pinned", findings: [] });
      for (const { what, cause } of verdict.losses) expect([what, cause]).toEqual(["unsealed", "crash"]);
      const chat = await linesOf(review, "chat");
      expect(chat.map(({ text }) => text)).toEqual(["before the kill", "after the kill", "after the update"]);
      expect(review.tracks.map(({ name }) => name)).not.toContain("camera");
      expect((await world.asked(page)).join(" ")).not.toMatch(/video|Display/);
      replyKeys.add(JSON.stringify(review.metadata?.replyTo));
      await forget(page);
    },
    PATIENCE,
  );

  it(
    "camera with sound and screen, chat both ways, answers, a file, a guardian; page closed and worker ended in the middle: complete, pinned, countersigned, and nothing stays",
    async () => {
      await world.choose(["camera", "microphone", "screen"], true);
      const course = await world.course();
      let page = await world.begin(course);
      await page.getByText("Before it begins").waitFor();
      await page.getByRole("button", { name: "Start the recording" }).waitFor();
      expect(await world.asked(page)).toEqual([""]);
      const text = await page.locator("#consent-text").innerText();
      expect(text.replaceAll(" ", "")).toContain(world.institution.root.thumbprint);
      await expectAccessible(page);
      await looksAsDocumented(page, "consent", 600);
      await consent(page);
      expect(await page.locator(".live").innerText()).toMatch(/camera: is.*\nmicrophone: is.*\nscreen: is/);
      await say(page, "is question 3 about primes?");
      const { recordingId, coreHash } = await announced(course);

      await page.close();
      page = await world.browser.newPage();
      await page.goto(EXAM_PAGE);
      await page.getByLabel("Question").fill("3");
      await page.getByRole("textbox", { name: "Answer" }).fill("none of these");
      await stopWorker(page);
      await page.getByRole("button", { name: "Hand in the answer" }).click();
      await page.getByText("Handed in: 3").waitFor();
      await expectAccessible(page);
      await looksAsDocumented(page, "exam", 1260);

      const open = await world.review(recordingId, coreHash);
      const { replyTo } = open.metadata as { readonly replyTo?: unknown };
      const answered = { at: new Date().toISOString(), text: "Yes, it is" };
      const reply = await seal(Buffer.from(JSON.stringify(answered)), {
        to: await importRecipient(replyTo as OkpJwk),
      });
      await world.putReply(recordingId, `reply-${randomUUID()}.reel`, reply);
      await page.getByText("Supervisor: Yes, it is").waitFor();

      const file = randomBytes(3_000_000);
      await page
        .getByLabel("File", { exact: true })
        .setInputFiles({ name: "proof.pdf", mimeType: "application/pdf", buffer: file });
      await page.getByRole("button", { name: "Hand in the file" }).click();
      await page.getByText("Handed in: proof.pdf").waitFor();
      // Of a file no more is in memory than is sealed at a time.
      expect(await world.largestRead(page)).toBe(2 ** 20);
      // The prompt in the page, then the recorder's own; no others, after all this.
      expect(await world.asked(page)).toEqual([
        "getUserMedia:video,audio",
        "getDisplayMedia:video",
        "getUserMedia:video,audio",
      ]);
      await finish(page);
      await expectAccessible(page);
      await looksAsDocumented(page, "receipt", 420);
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "Save the receipt" }).click(),
      ]);
      const receipt = await openReceipt(new Uint8Array(readFileSync(await download.path())), {
        expected: { coreHash },
      });
      expect(receipt).toMatchObject({ origin: "pinned", witnesses: [{}] });

      await forget(page);
      const rows = Object.entries(await rowsLeft(page));
      expect(rows.length).toBeGreaterThan(3);
      expect(rows.filter(([, count]) => count > 0)).toEqual([]);

      const review = await world.review(recordingId, coreHash);
      expectWhole(await review.verify());
      expect(review.tracks.map(({ name }) => name).sort()).toEqual([
        "answers",
        "camera",
        "chat",
        "consent",
        "events",
        "homework-1",
        "screen",
      ]);
      const consented = (await contentOf(review, "consent")).toString();
      expect(consented.replaceAll(/\s+/g, " ")).toBe(text.replaceAll(/\s+/g, " "));
      expect(review.metadata).toMatchObject({
        exam: "algebra-1",
        subject: expect.stringMatching(/^[\w-]{43}$/),
        tracks: ["camera", "screen", "microphone"],
        consent: {
          text: createHash("sha256").update(consented).digest("hex"),
          at: expect.any(String),
          guardian: { at: expect.any(String) },
        },
      });
      // A key for replies is of one exam, also of one person in one course.
      replyKeys.add(JSON.stringify(review.metadata?.replyTo));
      expect([replyKeys.size, replyKeys.has("undefined")]).toEqual([2, false]);
      expect(await linesOf(review, "chat")).toMatchObject([{ text: "is question 3 about primes?" }]);
      expect(await linesOf(review, "answers")).toMatchObject([{ question: "3", text: "none of these" }]);
      expect(Buffer.compare(await contentOf(review, "homework-1"), file)).toBe(0);
      expect((await linesOf(review, "events")).map(({ type }) => type)).not.toContain("detector");
      expect(await linesOf(review, "events")).toContainEqual(
        expect.objectContaining({ type: "homework", track: "homework-1", name: "proof.pdf" }),
      );
      expect(review.track("camera").takes[0]!.type).toMatch(/video\/webm.*vp8.*opus/);
      expect(JSON.stringify(review.metadata)).not.toMatch(/Sam|Adeyemi|@/);
    },
    PATIENCE,
  );
});
