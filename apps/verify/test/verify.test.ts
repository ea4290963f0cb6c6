import { generateKeyPairSync, sign } from "node:crypto";
import { fileURLToPath } from "node:url";
import { countersignReceipt } from "blindreel/review";
import { type PageServer, servePage } from "blindreel-ui/serve";
import type { BrowserContext, Locator, Page, Request } from "playwright";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { excerptOf, type Site, startSite } from "../../reviewer/test/page.js";
import { openPage, says, type Upload, upload } from "../../ui/test/page.js";

const PAGE = fileURLToPath(new URL("../dist", import.meta.url));

describeChromium("the page that checks receipts and excerpts", () => {
  let site: Site;
  let server: PageServer;
  let browser: BrowserContext;
  let camera: Upload;
  let witnessed: Upload;
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const witness = {
    publicKey: Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url"),
    sign: (message: Uint8Array) => sign(null, message, privateKey),
  };
  beforeAll(async () => {
    site = await startSite();
    server = await servePage(PAGE);
    camera = await excerptOf(site, "camera", [4.5, 5]);
    const now = new Date("2026-05-04T09:30:00Z");
    witnessed = upload("algebra.receipt", await countersignReceipt(site.exam.receipt, witness, { now }));
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
    await site?.close();
  });
  afterEach(async () => {
    for (const page of browser.pages()) await page.close();
    expect(site.complaints.splice(0)).toEqual([]);
  });
  const opened = (): Promise<Page> => openPage({ server, complaints: site.complaints }, browser);
  const pick = (page: Page, file: Upload): Promise<void> =>
    page.getByLabel("Receipt or excerpt").setInputFiles(file);
  const proofOf = (page: Page): Locator => page.locator("proof-view");
  /** Drops files on the page's title, as a mouse would. */
  const drop = async (page: Page, files: readonly Upload[]): Promise<void> => {
    const given = files.map(({ name, buffer }) => ({ name, content: buffer.toString("base64") }));
    const data = await page.evaluateHandle((all) => {
      const transfer = new DataTransfer();
      for (const { name, content } of all)
        transfer.items.add(
          new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], name),
        );
      return transfer;
    }, given);
    for (const type of ["dragover", "drop"]) await page.dispatchEvent("h1", type, { dataTransfer: data });
  };

  it("a receipt and its fingerprint, dropped together: witnesses with their keys, and what it does not prove", async () => {
    const page = await opened();
    const note = upload("fingerprint.txt", `coreHash of my exam:\n${site.exam.coreHash}\n`);
    await drop(page, [note, witnessed]);
    await page.getByText("It is a receipt, and every signature in it holds.").waitFor();
    const proof = proofOf(page);
    await proof.getByText("It is the recording that was announced.").waitFor();
    await proof.getByText("A witness signed as well").waitFor();
    await proof.getByText("It does not prove what was recorded").waitFor();
    const facts = await proof.locator("dd").allInnerTexts();
    expect(facts[0]).toMatch(/May 4, 2026/);
    expect(facts[0]).toContain(witness.publicKey.toString("hex"));
    expect(facts).toContain(site.exam.recordingId);
    expect(facts).toContain(site.exam.coreHash);
    // Without a witness it says less, and the next file takes its place.
    await drop(page, [upload("receipt", site.exam.receipt)]);
    await proof.getByText("No witness signed it").waitFor();
    expect(await proof.locator("dt").allInnerTexts()).not.toContain("Signed by a witness");
  });

  it("an excerpt, by the keyboard and without a request: its parts, what is left out, its picture, and a video to save", async () => {
    const page = await opened();
    await page.waitForLoadState("networkidle");
    const asked: string[] = [];
    page.on("request", (request: Request) => void asked.push(request.url()));
    const field = page.getByLabel("Receipt or excerpt");
    await field.waitFor();
    await page.bringToFront();
    // From here on: asked for beside the key, choosers would be caught behind it now and then.
    const chosen: Promise<void>[] = [];
    page.on("filechooser", (chooser) => void chosen.push(chooser.setFiles(camera)));
    await page.keyboard.press("Tab");
    await expect.poll(() => field.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press("Enter");
    await expect.poll(() => chosen.length).toBe(1);
    await chosen[0];
    const proof = proofOf(page);
    await proof.getByText("This is what was recorded on this track").waitFor();
    await proof.getByText("Nobody told this page which recording it has to be").waitFor();
    expect(await proof.locator("dd p").allInnerTexts()).toEqual([
      expect.stringMatching(/:00:00.* – .*:00:00/),
      expect.stringMatching(/^Segments left out here: \d+$/),
      expect.stringMatching(/:00:04.* – .*:00:0\d/),
    ]);
    await page.getByLabel("Announced fingerprint").fill(site.exam.coreHash.toUpperCase());
    await page.keyboard.press("Enter");
    await proof.getByText("It is the recording that was announced.").waitFor();
    const video = proof.locator("video");
    await expect
      .poll(() => video.evaluate((element: HTMLVideoElement) => element.videoWidth), { timeout: 15_000 })
      .toBe(480);
    const downloading = page.waitForEvent("download");
    await proof.getByRole("button", { name: "Save as an ordinary video" }).click();
    expect((await downloading).suggestedFilename()).toBe("camera.webm");
    expect(
      asked.filter((url) => !url.startsWith("blob:") && !url.startsWith(`${server.url}assets/`)),
    ).toEqual([]);
    expect(page.url()).toBe(server.url);
  });

  it("an excerpt that takes the place of another while that is being shown: its picture is there", async () => {
    const page = await opened();
    await pick(page, camera);
    // Before the first one's picture is made: the proof is there, its content is not yet.
    for (const field of ["", site.exam.coreHash, ""]) {
      await page.getByLabel("Announced fingerprint").fill(field);
      await page.keyboard.press("Enter");
    }
    const video = proofOf(page).locator("video");
    await expect
      .poll(() => video.evaluate((element: HTMLVideoElement) => element.videoWidth), { timeout: 15_000 })
      .toBe(480);
    expect(await page.getByRole("alert").allInnerTexts()).toEqual(
      expect.not.arrayContaining([expect.stringMatching(/./)]),
    );
  });

  it("every other file is a sentence, and nothing of the one before is left", async () => {
    const page = await opened();
    await page.getByRole("button", { name: "Check" }).click();
    await says(page, "No file was picked.");
    await pick(page, camera);
    const shown = proofOf(page).locator("dl, video, strong");
    await shown.first().waitFor();
    const altered = (file: Upload, at: number): Upload => {
      const bytes = Buffer.from(file.buffer);
      bytes[at < 0 ? bytes.length + at : at]! ^= 1;
      return upload(file.name, bytes);
    };
    const cut = ({ name, buffer }: Upload, length: number): Upload =>
      upload(name, buffer.subarray(0, length));
    const cases: readonly (readonly [Upload, string])[] = [
      [upload("notes.txt", "hello"), "This is no receipt and no excerpt."],
      [upload("empty.receipt", " "), "This is no receipt and no excerpt."],
      [cut(camera, 5000), "This file ends too early or is damaged"],
      [cut(witnessed, witnessed.buffer.length - 1), "This file ends too early or is damaged"],
      [altered(camera, -100), "This was altered after it was made"],
      [altered(witnessed, -10), "This was altered after it was made"],
      [upload("camera.webm", Buffer.from("1a45dfa3", "hex")), "This is an ordinary video"],
      [upload("note.reel", "BLINDREEL\x01"), "This file is sealed, and opens only with a key."],
    ];
    for (const [file, sentence] of cases) {
      await pick(page, file);
      await says(page, sentence);
      expect(await shown.count(), file.name).toBe(0);
    }
    await drop(page, [camera, witnessed]);
    await says(page, "These are several files to check.");
    await page.getByLabel("Announced fingerprint").fill("f00");
    await pick(page, witnessed);
    await says(page, "The fingerprint has 64 letters and digits");
    await page.getByLabel("Announced fingerprint").fill("f".repeat(64));
    await page.getByRole("button", { name: "Check" }).click();
    await says(page, "This is of another recording than the one that was announced");
    expect(await shown.count()).toBe(0);
  });
});
