/**
 * `npm run bench -w apps/extension -- [seconds]`: processor time of the recorder without its encoder. A page of the built SDK in Chromium
 * replays captured bytes of an hour (camera with sound and screen at their usual rates, in pieces of a key interval) through journal, sealing, hashing
 * and upload to a server in this process, as fast as they go; the renderer's processor time is Chromium's own figure.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { generateIdentity } from "blindreel";
import { launchChromium } from "../../../scripts/launch-chromium.js";
import { bundleForBrowser } from "../../../test/helpers/page.js";

const seconds = Number(process.argv[2] ?? 600);
const page = await bundleForBrowser(fileURLToPath(new URL("page.ts", import.meta.url)));
let stored = 0;
const server = createServer((request, response) => {
  if (request.method !== "PUT") {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? page : '<!doctype html><script type="module" src="/page.js"></script>');
    return;
  }
  request.on("data", (part: Buffer) => {
    stored += part.length;
  });
  request.on("end", () => response.writeHead(201).end());
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const browser = await launchChromium();
try {
  const tab = await browser.newPage();
  await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await tab.waitForFunction(() => "replay" in globalThis);
  const session = await browser.newCDPSession(tab);
  const { recipient } = await generateIdentity();
  /** All of the browser's processes that work for it: the page's, and the one that stores and sends. */
  const used = async (): Promise<Map<string, number>> => {
    const system = await browser.browser()!.newBrowserCDPSession();
    const { processInfo } = await system.send("SystemInfo.getProcessInfo");
    await system.detach();
    const times = new Map<string, number>();
    for (const { type, cpuTime } of processInfo) times.set(type, (times.get(type) ?? 0) + cpuTime);
    return times;
  };
  const before = await used();
  const { longest, heap, bytes } = await tab.evaluate(
    ([key, length]) => (globalThis as unknown as { replay: Replay }).replay(key, length),
    [recipient.toJwk() as object, seconds] as const,
  );
  const after = await used();
  await session.detach();
  const perHour = (type: string): string =>
    ((((after.get(type) ?? 0) - (before.get(type) ?? 0)) * 3600) / seconds).toFixed(1);
  console.log(
    `${seconds} s of exam, ${(bytes / 1e6).toFixed(0)} MB given, ${(stored / 1e6).toFixed(0)} MB stored`,
  );
  console.log(`processor seconds for an hour: page ${perHour("renderer")}, browser ${perHour("browser")}`);
  for (const type of after.keys()) console.log(`  ${type}: ${perHour(type)}`);
  console.log(`longest task ${longest.toFixed(0)} ms; heap after each tenth, MB: ${heap.join(" ")}`);
} finally {
  await browser.close();
  server.close();
}

type Replay = (
  key: object,
  seconds: number,
) => Promise<{ readonly longest: number; readonly heap: readonly string[]; readonly bytes: number }>;
