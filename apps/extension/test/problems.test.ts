import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { CDPSession, Page } from "playwright";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeChromium } from "../../../test/helpers/browsers.js";
import { Browser } from "../../exam/test/browser.js";
import { removeFolders } from "../../server/test/fixture.js";
import { announced, consent, finish, forget, linesOf, problem, rowsLeft, say } from "./driver.js";
import { EXAM_PAGE, EXTENSION, ExamWorld } from "./exam-world.js";

/** A message to the extension, from a page that it listens to. */
const tell = (page: Page, message: object): Promise<unknown> =>
  page.evaluate(([id, given]) => chrome.runtime.sendMessage(id, given), [EXTENSION, message] as const);

/** The same on a port, as the LMS's page. */
const tellAsLms = (page: Page, message: object): Promise<void> =>
  page.evaluate(([id, given]) => chrome.runtime.connect(id, { name: "lms" }).postMessage(given), [
    EXTENSION,
    message,
  ] as const);

/** Milliseconds for a test with a whole exam in it, on a busy machine. */
const PATIENCE = 180_000;

describeChromium("what can go wrong in an exam", () => {
  let world: ExamWorld;
  beforeAll(async () => {
    world = await ExamWorld.start({ asksPerson: true });
    await world.choose(["camera"]);
  });
  afterAll(async () => {
    await world?.close();
    removeFolders();
  });
  afterEach(async () => {
    for (const page of world.browser.pages().slice(1)) await page.close();
  });

  /** As at the address bar; it lasts as long as the session. */
  const setCamera = async (setting: "granted" | "denied"): Promise<void> => {
    session ??= await world.browser.browser()!.newBrowserCDPSession();
    const origin = `chrome-extension://${EXTENSION}/`;
    await session.send("Browser.setPermission", { permission: { name: "camera" }, setting, origin });
  };
  let session: CDPSession | undefined;

  /** A launch's code, by the whole way through the LMS. */
  async function newCode(): Promise<string> {
    const browser = new Browser(world.cert);
    const names = await browser.visit(`${world.lms.origin}/exams/algebra-1`);
    const course = await browser.submit(names, { person: "u-sam" });
    const landed = await browser.submit(await browser.submit(course));
    return /data-code="([^"]+)"/.exec(landed.text)![1]!;
  }

  it(
    "a launch that is forged, of another server, or used before; an institution that nobody or a stranger names; other keys than its own",
    async () => {
      const vendor = await world.browser.newPage();
      await vendor.goto(`${world.origin}/lti/launch.js`);
      const forged = { type: "launch", server: world.origin, code: "made-up" };
      expect(await tell(vendor, forged)).toEqual({ problem: "launch-refused" });
      const page = await world.pageAt(EXAM_PAGE);
      await problem(page, "launch-refused").waitFor();
      await page.getByText("No exam is open").waitFor();
      const code = await newCode();
      const elsewhere = { type: "launch", server: "https://localhost:1", code };
      expect(await tell(vendor, elsewhere)).toEqual({ problem: "launch-refused" });
      expect((await rowsLeft(page))["exams/exams"] ?? 0).toBe(0);
      expect(await tell(vendor, { ...forged, code })).toEqual({ ok: true });
      expect(await tell(vendor, { ...forged, code })).toEqual({ problem: "launch-refused" });

      // The exam's page in the course is not open, and the vendor's word does not count.
      await problem(page, "no-pin").waitFor();
      const { id: institution, root } = world.institution;
      const named = { type: "institution", institution, root: root.thumbprint, name: "Example University" };
      await tellAsLms(vendor, named);
      await page.getByRole("button", { name: "Try again" }).click();
      await problem(page, "no-pin").waitFor();
      const lms = await world.browser.newPage();
      await lms.goto(`${world.lms.origin}/style.css`);
      await tellAsLms(lms, { ...named, institution: "00".repeat(16) });
      await expect.poll(() => retried(page, "pin-differs"), { timeout: 15_000 }).toBe(true);
      await tellAsLms(lms, { ...named, root: "00".repeat(32) });
      await expect.poll(() => retried(page, "keyset-refused"), { timeout: 15_000 }).toBe(true);
      await tellAsLms(lms, named);
      const begins = page.getByRole("button", { name: "Start the recording" });
      const isThere = async (): Promise<boolean> => (await retried(page, "none")) || begins.isVisible();
      await expect.poll(isThere, { timeout: 15_000 }).toBe(true);
      expect(await world.asked(page)).toEqual([""]);
      await forget(page, "I do not agree");
      const rows = Object.values(await rowsLeft(page));
      expect(rows.reduce((sum, count) => sum + count, 0)).toBe(0);
    },
    PATIENCE,
  );

  /** Tries again, where that is possible. @returns whether this is what is wrong then. */
  async function retried(page: Page, kind: string): Promise<boolean> {
    const again = page.getByRole("button", { name: "Try again" });
    if (await again.isVisible()) await again.click();
    await page.waitForTimeout(200);
    return problem(page, kind).isVisible();
  }

  it(
    "the camera is refused, then goes away; a second tab, a second exam; the server is down; the sign-in ends: it is said, and nothing else is lost",
    async () => {
      const course = await world.course();
      const page = await world.begin(course);
      const start = page.getByRole("button", { name: "Start the recording" });
      await page.getByRole("checkbox").check();
      await setCamera("denied");
      await start.click();
      await problem(page, "device-denied").waitFor();
      expect(await course.locator("#recordings li").count()).toBe(0);
      await setCamera("granted");
      await consent(page);
      expect(await problem(page, "device-denied").count()).toBe(0);
      const { recordingId, coreHash } = await announced(course);

      await setCamera("denied");
      await page.getByText("camera: is missing").waitFor();
      await setCamera("granted");
      const again = page.getByRole("button", { name: "Try the missing devices again" });
      if (await again.isVisible()) await again.click();
      await page.getByText("camera: is being recorded").waitFor();

      const second = await world.browser.newPage();
      await second.goto(EXAM_PAGE);
      await second.getByText("open in another tab").waitFor();
      await second.close();
      const history = await world.course("Sam Adeyemi", "history-1");
      await world.begin(history);
      await problem(page, "other-exam").waitFor();
      await page.getByText("camera: is being recorded").waitFor();

      await world.server.end("SIGKILL");
      await problem(page, "server-down").waitFor();
      await say(page, "said while the server was down");
      await world.startServer();
      await problem(page, "server-down").waitFor({ state: "detached" });

      // Signed by a key that the server does not know, as a launch counts no more after twelve hours.
      const keyFile = world.variables.BLINDREEL_LAUNCH_KEY!;
      const before = readFileSync(keyFile);
      const another = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
      await world.restartServer(() => writeFileSync(keyFile, another));
      await problem(page, "launch-over").waitFor({ timeout: 30_000 });
      await say(page, "said after the sign-in was over");
      await page.getByText("camera: is being recorded").waitFor();
      await world.restartServer(() => writeFileSync(keyFile, before));
      await finish(page);
      expect(await problem(page, "launch-over").count()).toBe(0);
      const review = await world.review(recordingId, coreHash);
      const verdict = await review.verify();
      expect(verdict).toMatchObject({ origin: "pinned", findings: [] });
      for (const { cause, track } of verdict.losses) {
        expect(cause).toMatch(/^(source|overflow)$/);
        expect(track).toBe("camera");
      }
      expect((await linesOf(review, "chat")).map(({ text }) => text)).toEqual([
        "said while the server was down",
        "said after the sign-in was over",
      ]);
      expect(await linesOf(review, "events")).toContainEqual(
        expect.objectContaining({ type: "device-ended", device: "camera" }),
      );
      // The other exam has waited.
      await page.getByRole("heading", { name: "Exam: history-1" }).waitFor();
      await page.getByRole("button", { name: "Remove the exam" }).click();
      await page.getByText("algebra-1").waitFor({ state: "detached" });
      await forget(page, "I do not agree");
    },
    PATIENCE,
  );
});
