import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeChromium, launchChromium } from "./browsers.js";

describeChromium("launchChromium", () => {
  test("loads an extension and gives it a service worker, camera and microphone", async () => {
    const folder = mkdtempSync(join(tmpdir(), "extension-"));
    const manifest = {
      manifest_version: 3,
      name: "test",
      version: "1",
      background: { service_worker: "worker.js" },
    };
    writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
    writeFileSync(join(folder, "worker.js"), "");
    writeFileSync(join(folder, "page.html"), "<!doctype html>");
    const browser = await launchChromium({ extension: folder, fakeMedia: true });
    try {
      const worker = browser.serviceWorkers()[0] ?? (await browser.waitForEvent("serviceworker"));
      const page = await browser.newPage();
      await page.goto(new URL("page.html", worker.url()).href);
      const kinds = await page.evaluate(async () => {
        const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
        return stream.getTracks().map(({ kind }) => kind);
      });
      expect(kinds.sort()).toEqual(["audio", "video"]);
    } finally {
      await browser.close();
      rmSync(folder, { recursive: true });
    }
  });
});
