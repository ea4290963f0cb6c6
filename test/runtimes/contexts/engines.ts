import { firefox, webkit } from "playwright";
import puppeteer from "puppeteer-core";
import { findChromium, findFirefox, findWebKit, type WebKitGtkFound } from "../../../scripts/runtimes.js";
import { launchChromium } from "../../helpers/browsers.js";
import { startWebKitDriver } from "../../helpers/webkit-driver.js";

/** A browser that can open pages. Pages report to the data server by themselves, so that is all a test needs of it. */
export interface Engine {
  open(url: string): Promise<void>;
  close(): Promise<void>;
}

/** By name; `undefined` where the browser is missing. */
export const engines: Readonly<
  Record<"chromium" | "firefox" | "webkit", (() => Promise<Engine>) | undefined>
> = {
  chromium: findChromium() && startChromium,
  firefox: findFirefox() && startFirefox,
  webkit: findWebKit() && startWebKit,
};

async function startChromium(): Promise<Engine> {
  const browser = await launchChromium({ args: ["--host-resolver-rules=MAP insecure.test 127.0.0.1"] });
  return {
    open: async (url) => void (await (await browser.newPage()).goto(url)),
    close: () => browser.close(),
  };
}

async function startFirefox(): Promise<Engine> {
  const { kind, path } = findFirefox()!;
  const browser =
    kind === "system"
      ? await puppeteer.launch({ browser: "firefox", executablePath: path, headless: true })
      : await firefox.launch();
  return {
    open: async (url) => void (await (await browser.newPage()).goto(url)),
    close: () => browser.close(),
  };
}

async function startWebKit(): Promise<Engine> {
  const found = findWebKit()!;
  if ("driver" in found) return startWebKitGtk(found);
  const browser = await webkit.launch();
  return {
    open: async (url) => void (await (await browser.newPage()).goto(url)),
    close: () => browser.close(),
  };
}

/** By WebDriver, of which two commands are enough. */
async function startWebKitGtk(found: WebKitGtkFound): Promise<Engine> {
  const driver = await startWebKitDriver(found);
  const command = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${driver.port}${path}`, init);
    if (!response.ok) throw new Error(`WebDriver ${path}: ${await response.text()}`);
    return ((await response.json()) as { value: unknown }).value;
  };
  const options = { binary: found.path, args: ["--automation"] };
  const capabilities = {
    alwaysMatch: { browserName: "MiniBrowser", "webkitgtk:browserOptions": options },
  };
  const { sessionId } = (await command("POST", "/session", { capabilities })) as { sessionId: string };
  return {
    open: async (url) => void (await command("POST", `/session/${sessionId}/url`, { url })),
    async close() {
      await command("DELETE", `/session/${sessionId}`);
      await driver.stop();
    },
  };
}
