import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { concatBytes } from "../../src/formats/bytes.js";
import { type ExportableIdentity, generateIdentity } from "../../src/keywrap/import.js";
import { openRecording } from "../../src/recording/review.js";
import { httpSource } from "../../src/source/http.js";
import { describeChromium, launchChromium } from "../helpers/browsers.js";
import { bundleForBrowser } from "../helpers/page.js";
import { type ObjectServer, startObjectServer } from "./object-server.js";
import type { RecorderTools } from "./recorder-page.js";

declare const tools: RecorderTools;

const PAGE = fileURLToPath(new URL("recorder-page.ts", import.meta.url));

describeChromium("a real recorder", () => {
  let server: ObjectServer;
  let browser: BrowserContext;
  let identity: ExportableIdentity;
  beforeAll(async () => {
    const html = '<!doctype html><script type="module" src="/page.js"></script>';
    server = await startObjectServer({ "/page.js": await bundleForBrowser(PAGE), "/index.html": html });
    browser = await launchChromium({ fakeMedia: true });
    identity = await generateIdentity();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  async function open(): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/index.html`);
    await page.waitForFunction(() => "tools" in globalThis);
    return page;
  }
  const sleep = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, milliseconds));
  const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

  it("camera, canvas and chat; the page crashes; it resumes, finishes, uploads, and is complete", async () => {
    const page = await open();
    const started = await page.evaluate((jwk) => tools.start(jwk), identity.recipient.toJwk() as object);
    expect(started.isResumable).toBe(true);
    await sleep(1500);
    await page.evaluate(() => tools.flush());
    const flushed = (track: string): number => concatBytes(...(server.given.get(`${track}/0`) ?? [])).length;
    const [cameraFlushed, screenFlushed] = [flushed("camera"), flushed("screen")];
    await sleep(1500);
    const crashed = new Promise((resolve) => page.once("crash", resolve));
    const session = await browser.newCDPSession(page);
    session.send("Page.crash").catch(() => {});
    await crashed;
    await page.close();

    const next = await open();
    expect(await next.evaluate(() => tools.resume())).toEqual({ journals: 1, canSign: true });
    await sleep(1500);
    expect(await next.evaluate(() => tools.finish())).toEqual({ undrained: [], left: 0, keys: 0 });
    await next.close();

    const url = (name: string): string => `${server.origin}/objects/${name}`;
    const envelope = [...server.objects].find(([name]) => name.endsWith("/envelope"))![1];
    const review = await openRecording(envelope, {
      identities: identity,
      expected: { coreHash: started.coreHash },
      objects: (name) => (server.objects.has(name) ? httpSource(url(name)) : null),
      list: () => server.objects.keys(),
    });
    const { state, origin, findings } = await review.verify();
    expect({ state, origin, findings }).toEqual({ state: "complete", origin: "pinned", findings: [] });
    expect(review.metadata).toEqual({ exam: "algebra-2" });

    const seen: Record<string, number[]> = {};
    for (const { name, takes } of review.tracks) {
      expect([name, takes.length]).toEqual([name, 2]);
      seen[name] = [];
      for (const [take, { size, type, points, source }] of takes
        .map((each) => ({
          size: each.size,
          type: each.type,
          points: each.points,
          source: each.source(),
        }))
        .entries()) {
        const content = await source.read(0, size);
        await source.close();
        seen[name].push(size);
        if (name === "chat") {
          expect(new TextDecoder().decode(content)).toBe(`take ${take}: hello\n`);
          continue;
        }
        const given = concatBytes(...server.given.get(`${name}/${take}`)!);
        // A crash takes what was not journalled yet; all that the recorder gave before the last flush is there.
        const flushedBytes = { camera: cameraFlushed, screen: screenFlushed }[name]!;
        if (take === 0) expect(size).toBeGreaterThanOrEqual(flushedBytes);
        else expect(size).toBe(given.length);
        expect(flushedBytes).toBeGreaterThan(0);
        expect(sha256(content)).toBe(sha256(given.subarray(0, size)));
        expect([...content.subarray(0, 4)]).toEqual([0x1a, 0x45, 0xdf, 0xa3]);
        expect(type).toMatch(/^video\/webm;codecs="?vp8/);
        expect(points[0]).toEqual({ time: 0, byte: 0 });
      }
    }
    console.log("bytes by track and take:", seen, `in ${server.objects.size} objects`);
  });
});
