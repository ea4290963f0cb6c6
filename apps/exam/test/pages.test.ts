import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { folder, removeFolders } from "../../server/test/fixture.js";
import { expectPicture } from "../../ui/test/look.js";
import { trustAuthority } from "../src/authority.js";
import { startWorld, type World } from "./world.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RECORDING = { recordingId: randomBytes(16).toString("hex"), coreHash: randomBytes(32).toString("hex") };

/** An extension that notes what it is told, and announces a recording to the LMS. */
function extension() {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = publicKey.export({ type: "spki", format: "der" });
  const digits = createHash("sha256").update(key).digest("hex").slice(0, 32);
  const id = digits.replace(/./g, (digit) => "abcdefghijklmnop"[Number.parseInt(digit, 16)]!);
  const path = folder();
  const manifest = {
    manifest_version: 3,
    name: "Notes",
    version: "1",
    key: key.toString("base64"),
    background: { service_worker: "worker.js" },
    externally_connectable: { matches: ["https://localhost/*", "https://exams.localhost/*"] },
  };
  const worker = `globalThis.told = [];
chrome.runtime.onMessageExternal.addListener((message, { origin }) => void told.push({ ...message, origin }));
chrome.runtime.onConnectExternal.addListener((port) => {
  port.onMessage.addListener((message) => {
    told.push({ ...message, origin: port.sender.origin, port: port.name });
    if (message.type === "institution")
      for (const exam of ["history-1", "algebra-1"])
        port.postMessage({ type: "recording", exam, ...${JSON.stringify(RECORDING)} });
  });
});`;
  writeFileSync(join(path, "manifest.json"), JSON.stringify(manifest));
  writeFileSync(join(path, "worker.js"), worker);
  return { id, path };
}

describeChromium("in Chromium, with an extension", () => {
  const { id, path } = extension();
  let world: World;
  let browser: BrowserContext;
  const complaints: string[] = [];

  beforeAll(async () => {
    world = await startWorld(id);
    const home = folder();
    mkdirSync(home, { recursive: true });
    trustAuthority(world.authority, home);
    const { HOME } = process.env;
    process.env.HOME = home;
    try {
      browser = await launchChromium({ extension: path });
    } finally {
      process.env.HOME = HOME;
    }
    browser.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
  });
  afterAll(async () => {
    await browser?.close();
    await world?.close();
    removeFolders();
  });

  const told = async (): Promise<Record<string, string>[]> => {
    const worker = browser.serviceWorkers()[0] ?? (await browser.waitForEvent("serviceworker"));
    return worker.evaluate("told");
  };

  /** Fits a phone, and axe-core finds nothing. */
  async function looks(page: Page): Promise<void> {
    await page.setViewportSize({ width: 360, height: 700 });
    expect(await page.evaluate("document.documentElement.scrollWidth"), page.url()).toBeLessThanOrEqual(360);
    // The page's policy is for the page; axe comes past it.
    const session = await page.context().newCDPSession(page);
    await session.send("Runtime.evaluate", { expression: AXE });
    const { result } = await session.send("Runtime.evaluate", {
      expression: "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })",
      awaitPromise: true,
      returnByValue: true,
    });
    expect(
      (result.value as AxeResults).violations.map(({ id: rule, nodes }) => [rule, nodes[0]?.html]),
      page.url(),
    ).toEqual([]);
    await session.detach();
  }

  async function signIn(name: string, address: string): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(`${world.lms.origin}${address}`);
    if (address.endsWith("?again")) await page.getByRole("heading", { name: "Who are you?" }).waitFor();
    await looks(page);
    await page.getByRole("button", { name }).press("Enter");
    return page;
  }

  test("a test taker starts an exam: the extension gets the code from the server's page, the pin from the LMS's; the hash comes back", async () => {
    const page = await signIn("Sam Adeyemi", "/exams/algebra-1");
    await page.getByText("your institution knows of this recording").waitFor();
    await expect.poll(told).toEqual([
      {
        type: "institution",
        institution: world.institution.id,
        root: world.institution.root.thumbprint,
        name: "Example University",
        origin: world.lms.origin,
        port: "lms",
      },
      { type: "pinned", ...RECORDING, origin: world.lms.origin, port: "lms" },
    ]);
    await looks(page);
    await expectPicture(page, "lms-exam", "light", [800, 420]);

    const opening = browser.waitForEvent("page");
    await page.getByRole("button", { name: "Start the exam" }).press("Enter");
    const launched = await opening;
    await launched.getByText("The recorder has your exam").waitFor();
    expect(new URL(launched.url()).href).toBe(`${world.tool}/lti/launch`);
    const { code, ...message } = (await told()).at(-1)!;
    expect(message).toEqual({ type: "launch", server: world.tool, origin: world.tool });
    expect(await launched.content()).not.toContain(code);
    await looks(launched);
    await expectPicture(launched, "launch", "light", [800, 220]);
    // Redeemed by the extension, from another origin.
    const body = JSON.stringify({ code });
    const redeeming = `fetch("${world.tool}/v1/launches", { method: "POST", body: ${JSON.stringify(body)} }).then((answer) => answer.json())`;
    const { exam, institution, lms } = await browser
      .serviceWorkers()[0]!
      .evaluate<Record<string, string>>(redeeming);
    expect([exam, institution, lms]).toEqual(["algebra-1", world.institution.id, world.lms.origin]);

    await launched.reload();
    await launched.getByText("The exam did not start").first().waitFor();
    await looks(launched);
    expect(complaints.filter((text) => !/status of 403/.test(text))).toEqual([]);
  }, 60_000);

  test("an instructor sees it and chooses what is recorded, by the keyboard", async () => {
    const page = await signIn("Ines Duarte", "/sign-in?again");
    await page.getByRole("link", { name: "Algebra" }).press("Enter");
    await page.getByLabel("microphone").press("Space");
    await page.getByRole("button", { name: "Save" }).press("Enter");
    await expect.poll(() => page.getByLabel("microphone").isChecked()).toBe(true);
    await looks(page);
    await expectPicture(page, "lms-choices", "light", [800, 560]);
    await page.getByRole("link", { name: "Recordings" }).press("Enter");
    await page.getByText(RECORDING.coreHash).waitFor();
    await looks(page);
  }, 60_000);
});
