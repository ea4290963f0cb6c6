import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { BrowserContext } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeChromium, launchChromium } from "../helpers/browsers.js";
import { CONSUMERS } from "./paths.js";
import { expectReport } from "./report.js";

const NEXT = `${CONSUMERS}node_modules/next/dist/bin/next`;
const options = {
  cwd: CONSUMERS,
  // vitest's own NODE_ENV is "test".
  env: { ...process.env, NODE_ENV: "production" as const, NEXT_TELEMETRY_DISABLED: "1" },
};

describeChromium("a program built by Next", () => {
  let server: ChildProcess;
  let origin: string;
  let browser: BrowserContext;

  beforeAll(async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [NEXT, "build"], options);
    expect(stdout + stderr).not.toMatch(/warn/i);
    server = spawn(process.execPath, [NEXT, "start", "--hostname", "127.0.0.1", "--port", "0"], {
      ...options,
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface(server.stdout!)) {
      const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port) origin = `127.0.0.1:${port}`;
      if (/Ready/.test(line)) break;
    }
    browser = await launchChromium({ args: ["--host-resolver-rules=MAP insecure.test 127.0.0.1"] });
  });

  afterAll(async () => {
    await browser?.close();
    if (server?.exitCode === null && server.kill()) await once(server, "exit");
  });

  test("runs on the server, for each request anew", async () => {
    const reports = [await serverReport(), await serverReport()];
    for (const report of reports) await expectReport(report, { hasWebCrypto: true });
    expect(reports[0]).not.toBe(reports[1]);
  });

  async function serverReport(): Promise<string> {
    const html = await (await fetch(`http://${origin}/`)).text();
    const text = /<pre id="server">(.*?)<\/pre>/s.exec(html)![1]!;
    return text.replaceAll("&quot;", '"');
  }

  test.each([
    { host: "127.0.0.1", hasWebCrypto: true },
    { host: "insecure.test", hasWebCrypto: false },
  ])("runs in the browser, on $host", async ({ host, hasWebCrypto }) => {
    const page = await browser.newPage();
    await page.goto(`http://${origin.replace("127.0.0.1", host)}/`);
    const root = page.locator("html[data-report], html[data-failure]");
    await root.waitFor({ state: "attached" });
    expect(await root.getAttribute("data-failure")).toBeNull();
    await expectReport(await root.getAttribute("data-report"), { hasWebCrypto });
    await expectReport(await page.locator("#server").textContent(), { hasWebCrypto: true });
  });
});
