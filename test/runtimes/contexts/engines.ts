import { firefox, webkit } from "playwright";
import puppeteer from "puppeteer-core";
import { findChromium, findFirefox, findWebKit, type WebKitGtkFound } from "../../../scripts/runtimes.js";
import { launchChromium } from "../../helpers/browsers.js";
import { startWebKitDriver } from "../../helpers/webkit-driver.js";

/** A browser that can open pages. Pages report to the data server by themselves, so that is all a test needs of it. */
export interface Engine {
  /** In place of the page before. */
  open(url: string): Promise<void>;
  close(): Promise<void>;
  /** Ends all service workers, where a browser can be told to. */
  stopWorkers?(): Promise<void>;
}

export interface EngineSettings {
  /** A folder for downloads, of Chromium and Firefox. */
  readonly downloads?: string;
  /** Milliseconds after which Firefox stops a service worker that has nothing to do. */
  readonly workerIdle?: number;
}

/** By name; `undefined` where the browser is missing. */
export const engines: Readonly<
  Record<"chromium" | "firefox" | "webkit", ((settings?: EngineSettings) => Promise<Engine>) | undefined>
> = {
  chromium: findChromium() && startChromium,
  firefox: findFirefox() && startFirefox,
  webkit: findWebKit() && startWebKit,
};

interface OpenPage {
  goto(url: string): Promise<unknown>;
  close(): Promise<void>;
}

/** The page before is closed behind the next one: a browser without a page may end. */
function opener(browser: { newPage(): Promise<OpenPage> }): Engine["open"] {
  let before: OpenPage | undefined;
  return async (url) => {
    const page = await browser.newPage();
    await before?.close();
    before = page;
    await page.goto(url);
  };
}

async function startChromium({ downloads }: EngineSettings = {}): Promise<Engine> {
  const args = ["--host-resolver-rules=MAP insecure.test 127.0.0.1"];
  const browser = await launchChromium({ args, ...(downloads && { downloads }) });
  return {
    open: opener(browser),
    close: () => browser.close(),
    async stopWorkers() {
      const session = await browser.newCDPSession(browser.pages().at(-1)!);
      await session.send("ServiceWorker.enable");
      await session.send("ServiceWorker.stopAllWorkers");
      await session.detach();
    },
  };
}

async function startFirefox({ downloads, workerIdle }: EngineSettings = {}): Promise<Engine> {
  const { kind, path } = findFirefox()!;
  const extraPrefsFirefox = {
    ...(downloads && { "browser.download.dir": downloads, "browser.download.folderList": 2 }),
    ...(workerIdle && {
      "dom.serviceWorkers.idle_timeout": workerIdle,
      "dom.serviceWorkers.idle_extended_timeout": workerIdle,
    }),
  };
  const browser =
    kind === "system"
      ? await puppeteer.launch({
          browser: "firefox",
          executablePath: path,
          headless: true,
          extraPrefsFirefox,
        })
      : await firefox.launch({ firefoxUserPrefs: extraPrefsFirefox });
  return {
    open: opener(browser),
    close: () => browser.close(),
  };
}

async function startWebKit(): Promise<Engine> {
  const found = findWebKit()!;
  if ("driver" in found) return startWebKitGtk(found);
  const browser = await webkit.launch();
  return {
    open: opener(browser),
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
