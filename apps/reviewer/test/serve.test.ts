import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { type Site, startSite } from "./page.js";

/** `npm run reviewer`: what it prints is followed as it stands there. */
describeChromium("the command that serves the page", () => {
  let site: Site;
  let browser: BrowserContext;
  const started: ChildProcess[] = [];
  beforeAll(async () => {
    site = await startSite();
    browser = await launchChromium();
  });
  afterAll(async () => {
    for (const child of started) child.kill();
    await browser?.close();
    await site?.close();
  });

  /** What it printed until it was ready, or ended. */
  const serve = async (folder: string): Promise<string> => {
    const script = fileURLToPath(new URL("../serve.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", script, folder], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    started.push(child);
    let printed = "";
    const isReady = new Promise<void>((resolve) => {
      const add = (text: Buffer): void => {
        printed += String(text);
        if (printed.includes("Ctrl+C")) resolve();
      };
      child.stdout.on("data", add);
      child.stderr.on("data", add);
    });
    await Promise.race([isReady, once(child, "close")]);
    return printed;
  };

  it("prints an address that opens the recording, also where its port is taken", async () => {
    const key = join(site.folder, "institution.jwk");
    await writeFile(key, JSON.stringify(await site.identity.toJwk()));
    const addresses = [await serve(site.folder), await serve(site.folder)].map(
      (printed) => /^ {3}(http\S+)$/m.exec(printed)![1]!,
    );
    expect(new Set(addresses.map((address) => new URL(address).port)).size).toBe(2);
    for (const address of addresses) {
      const page = await browser.newPage();
      await page.goto(address);
      await page.getByLabel("Key file").setInputFiles(key);
      await page.getByRole("button", { name: "Use this key" }).click();
      await page.getByRole("button", { name: "Open the recording" }).click();
      await page.getByRole("button", { name: "Check all of it" }).click();
      await page.getByText("Your recording is complete.").waitFor();
      await page.close();
    }
  });

  it("says what to do where there is nothing to serve", async () => {
    expect(await serve(join(site.folder, "nothing"))).toMatch(/^reviewer: there is no folder .*npm run demo/);
    expect(await serve(fileURLToPath(new URL(".", import.meta.url)))).toMatch(
      /^reviewer: there is no recording/,
    );
  });
});
