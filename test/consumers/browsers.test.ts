import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { relative } from "node:path";
import { type ServerType, serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { build as esbuild } from "esbuild";
import { Hono } from "hono";
import type { BrowserContext } from "playwright";
import { createLogger, build as vite } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import webpack from "webpack";
import { describeChromium, launchChromium } from "../helpers/browsers.js";
import { CONSUMERS, OUTPUT } from "./paths.js";
import { expectReport } from "./report.js";

/** Programs for browsers, each built as its bundler does without configuration; a warning is a failure. */

/** No eval, no WebAssembly, no inline scripts. */
const POLICY = "default-src 'none'; script-src 'self'";

/** The page's host decides whether there is `crypto.subtle`: without it, bundles must load the fallbacks they split off. */
const HOSTS = [
  { host: "127.0.0.1", hasWebCrypto: true },
  { host: "insecure.test", hasWebCrypto: false },
];

async function buildWithVite(): Promise<void> {
  const warnings: string[] = [];
  const customLogger = createLogger("warn");
  customLogger.warn = (message) => void warnings.push(message);
  const build = { outDir: `${OUTPUT}pages/vite`, emptyOutDir: true };
  await vite({ root: CONSUMERS, base: "./", configFile: false, logLevel: "warn", customLogger, build });
  expect(warnings).toEqual([]);
}

async function buildWithWebpack(): Promise<void> {
  const path = `${OUTPUT}pages/webpack`;
  const compiler = webpack({ mode: "production", context: CONSUMERS, entry: "./page.js", output: { path } });
  const stats = await new Promise<webpack.Stats | undefined>((done, failed) => {
    compiler.run((error, result) => (error ? failed(error) : done(result)));
  });
  await new Promise((closed) => compiler.close(closed));
  const { errors, warnings } = stats!.toJson({ errors: true, warnings: true });
  expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
  writeFileSync(`${path}/index.html`, '<!doctype html><script src="main.js"></script>');
}

/** A content script is one file, and no module. */
async function buildExtension(): Promise<void> {
  cpSync(`${CONSUMERS}extension`, `${OUTPUT}extension`, { recursive: true });
  const { warnings, outputFiles, metafile } = await esbuild({
    absWorkingDir: CONSUMERS,
    entryPoints: ["page.js"],
    bundle: true,
    minify: true,
    format: "iife",
    write: false,
    metafile: true,
  });
  expect(warnings).toEqual([]);
  const [script, ...others] = outputFiles;
  expect(others).toEqual([]);
  expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
  writeFileSync(`${OUTPUT}extension/content.js`, script!.text);
  mkdirSync(`${OUTPUT}pages`, { recursive: true });
  writeFileSync(`${OUTPUT}pages/content-script.html`, "<!doctype html>");
}

describeChromium("a program in Chromium, built by", () => {
  let server: ServerType;
  let browser: BrowserContext;

  beforeAll(async () => {
    await buildWithVite();
    await buildWithWebpack();
    await buildExtension();
    const app = new Hono();
    app.use(async (context, next) => {
      await next();
      context.header("Content-Security-Policy", POLICY);
    });
    app.use(serveStatic({ root: relative(process.cwd(), `${OUTPUT}pages`) }));
    server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
    browser = await launchChromium({
      extension: `${OUTPUT}extension`,
      args: ["--host-resolver-rules=MAP insecure.test 127.0.0.1"],
    });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test.each(
    HOSTS.flatMap((host) => [
      { ...host, builder: "Vite", path: "vite/" },
      { ...host, builder: "webpack", path: "webpack/" },
      { ...host, builder: "esbuild, as an extension's content script", path: "content-script.html" },
    ]),
  )("$builder: runs on $host", async ({ host, hasWebCrypto, path }) => {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://${host}:${port}/${path}`);
    const root = page.locator("html[data-report], html[data-failure]");
    await root.waitFor({ state: "attached" });
    expect([await root.getAttribute("data-failure"), ...faults]).toEqual([null]);
    await expectReport(await root.getAttribute("data-report"), { hasWebCrypto });
    await page.close();
  });
});
