import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { firefox, webkit } from "playwright";
import puppeteer from "puppeteer-core";
import { launchChromium } from "../../scripts/launch-chromium.js";
import { findFirefox, findWebKit } from "../../scripts/runtimes.js";
import type { Measured } from "./group.js";
import type { Row } from "./row.js";
import type { Scale } from "./scale.js";

export type BrowserName = "chromium" | "firefox" | "webkit";

const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".wasm": "application/wasm" };
/** The one peer that comes with WebAssembly asks for it beside its bundle. */
const WASM = new URL("../wasm/", import.meta.resolve("@transcend-io/encrypt-web-streams"));
const PAGE = '<!doctype html><script type="module" src="/browser.js"></script>';

/** Opens a page that measures by itself and posts its result, so that no browser needs more than an address. */
export async function measureInBrowser(
  browser: BrowserName,
  folder: string,
  suite: string,
  scale: Scale,
): Promise<Measured> {
  let settle!: (posted: string) => void;
  const posted = new Promise<string>((resolve) => {
    settle = resolve;
  });
  const server = createServer(async ({ url, method }, response) => {
    const { pathname } = new URL(url!, "http://localhost");
    if (method === "POST") return;
    if (pathname === "/") return void response.setHeader("content-type", "text/html").end(PAGE);
    const extension = extname(pathname);
    const file =
      extension === ".wasm" ? fileURLToPath(new URL(`.${pathname}`, WASM)) : join(folder, pathname);
    try {
      const bytes = await readFile(file);
      response.setHeader("content-type", TYPES[extension] ?? "application/octet-stream").end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  server.on("request", async (request, response) => {
    if (request.method !== "POST") return;
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    response.end();
    settle(body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const close = await openPage(browser, `http://127.0.0.1:${port}/?suite=${suite}&scale=${scale.name}`);
  try {
    const { rows, agent, error } = JSON.parse(await posted) as {
      rows: Row[];
      agent: string;
      error?: string;
    };
    if (error) throw new Error(`in ${browser}: ${error}`);
    return { rows, runtime: versionIn(browser, agent) };
  } finally {
    await close();
    server.close();
    server.closeAllConnections();
  }
}

/** The page is busy from its first moment, and a busy machine may take its time. */
const AS_SOON_AS_IT_COMES = { waitUntil: "commit", timeout: 0 } as const;

/** @returns what closes the browser. */
async function openPage(browser: BrowserName, url: string): Promise<() => Promise<void>> {
  if (browser === "chromium") {
    const context = await launchChromium();
    await (await context.newPage()).goto(url, AS_SOON_AS_IT_COMES);
    return () => context.close();
  }
  const found = browser === "firefox" ? findFirefox() : findWebKit();
  if (!found) throw new Error(`${browser} is missing: npm run setup`);
  if (found.kind === "playwright") {
    const opened = await (browser === "firefox" ? firefox : webkit).launch();
    await (await opened.newPage()).goto(url, AS_SOON_AS_IT_COMES);
    return () => opened.close();
  }
  if (browser === "firefox") {
    const opened = await puppeteer.launch({ browser: "firefox", headless: true, executablePath: found.path });
    await (await opened.newPage()).goto(url, { waitUntil: "domcontentloaded", timeout: 0 });
    return () => opened.close();
  }
  return openMiniBrowser(found.path, url);
}

/** WebKitGTK's own small browser takes an address and needs a display, but no driver. */
async function openMiniBrowser(path: string, url: string): Promise<() => Promise<void>> {
  const env = { ...process.env, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" };
  const display = spawn("xvfb-run", ["-a", path, "--private", url], { env, detached: true, stdio: "ignore" });
  const gone = new Promise<void>((resolve) => display.once("exit", () => resolve()));
  return async () => {
    // The group that was started: the display, the browser and its helpers.
    process.kill(-display.pid!, "SIGTERM");
    await gone;
  };
}

const VERSIONS: Readonly<Record<BrowserName, readonly [string, RegExp]>> = {
  chromium: ["Chromium", /Chrome\/(\d+)/],
  firefox: ["Firefox", /Firefox\/(\d+)/],
  webkit: ["WebKit", /AppleWebKit\/([\d.]+)/],
};

function versionIn(browser: BrowserName, agent: string): string {
  const [name, pattern] = VERSIONS[browser];
  return `${name} ${pattern.exec(agent)?.[1] ?? agent}`;
}
