import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateIdentity } from "blindreel";
import { generateSigningKey } from "blindreel/keyset";
import type { Hono } from "hono";
import type { BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { openPage, says } from "../../ui/test/page.js";
import { recordExam } from "./exam.js";
import { openExam, type Site, startSite, useKey } from "./page.js";

/** Nobody listens there. */
const CLOSED = "http://127.0.0.1:9/";
/** Of the store, which has an origin of its own. */
const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "Content-Range, ETag",
};

/** What that store does other than it should. */
interface Fault {
  readonly status?: number;
  /** The objects that the status is of; of all unless given. */
  readonly of?: RegExp;
  readonly isDown?: boolean;
  readonly ignoresRange?: boolean;
  readonly cors?: Readonly<Record<string, string>>;
  /** Of every object. */
  readonly claimedSize?: number;
  /** Fewer bytes than it says that it sends. */
  readonly isCut?: boolean;
  /** Status of the listing. */
  readonly listing?: number;
}

describeChromium("bad input is a sentence that says what to do", () => {
  let site: Site;
  let browser: BrowserContext;
  let fault: Fault = {};
  const store = createServer((request, response) => void answer(request, response));
  let origin: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(store.address() as AddressInfo).port}/`;
    // The page's own policy wants stores at https addresses.
    const page = await readFile(new URL("../dist/index.html", import.meta.url), "utf8");
    const open = page.replace("connect-src", `connect-src ${origin} ${CLOSED}`);
    const change = (app: Hono): void => void app.get("/", (context) => context.html(open));
    site = await startSite({ policy: { "connect-src": `'self' ${origin} ${CLOSED}` }, change });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    store.close();
    await site?.close();
  });
  afterEach(async () => {
    for (const page of browser.pages()) await page.close();
  });

  const answer = async (
    { url, headers: asked }: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const { cors = CORS, status, ignoresRange, claimedSize, isCut } = fault;
    const bytes = await readFile(join(site.folder, url!)).catch(() => undefined);
    for (const [name, value] of Object.entries(cors)) response.setHeader(name, value);
    if (url!.startsWith("/list")) {
      const names = await readdir(site.folder, { recursive: true });
      const prefix = new URL(url!, origin).searchParams.get("prefix")!;
      const listed = names.filter((name) => name.startsWith(prefix));
      return void response.writeHead(fault.listing ?? 200).end(JSON.stringify(listed));
    }
    if (status && (fault.of ?? /./).test(url!)) return void response.writeHead(status).end();
    if (!bytes) return void response.writeHead(404).end();
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(asked.range ?? "") ?? [];
    if (from === undefined || ignoresRange) return void response.writeHead(200).end(bytes);
    const body = bytes.subarray(Number(from), Number(to) + 1);
    const span = `bytes ${from}-${Number(from) + body.length - 1}/${claimedSize ?? bytes.length}`;
    response.writeHead(206, { "Content-Range": span }).end(isCut ? body.subarray(1) : body);
  };

  /** The recording, opened from that store. */
  const openedFrom = async (now: Fault): Promise<Page> => {
    fault = now;
    const page = await openPage(site, browser);
    const closed = now.isDown ? CLOSED : origin;
    await openExam(page, site, { address: `${closed}${site.exam.recordingId}/` });
    return page;
  };

  it("a store of another origin works where it allows the page", async () => {
    const page = await openedFrom({});
    await page.getByRole("button", { name: "Check all of it" }).waitFor();
  });

  it.each<readonly [string, Fault, string]>([
    ["does not answer", { isDown: true }, "The server did not answer this page. Check the connection"],
    ["has no CORS", { cors: {} }, "whoever runs the store has to allow this page (CORS)"],
    [
      "hides Content-Range",
      { cors: { "Access-Control-Allow-Origin": "*" } },
      "The server hides Content-Range from this page.",
    ],
    ["ignores Range", { ignoresRange: true }, "The server ignores ranges"],
    [
      "answers 503",
      { status: 503 },
      "The server has a fault of its own. This says nothing about the recording.",
    ],
    ["answers 403", { status: 403 }, "The server does not let you read this."],
    ["fails to list", { listing: 500 }, "The store's list of objects cannot be read."],
    ["has none", { status: 404 }, "There is no recording at this address."],
    [
      "claims a size of 2^50 bytes",
      { claimedSize: 2 ** 50 },
      "The server's answer was not what was asked for.",
    ],
    ["claims a size of 10 bytes", { claimedSize: 10 }, "The server's answer was not what was asked for."],
    ["sends less than it says", { isCut: true }, "The server's answer was not what was asked for."],
  ])("a server that %s", async (_what, fault, sentence) => {
    const page = await openedFrom(fault);
    await says(page, sentence);
    // For support, the library's own words.
    expect(await page.getByRole("alert").locator("code").first().textContent()).not.toBe("");
  });

  it.each<readonly [string, Fault, string]>([
    ["answers 503", { status: 503 }, "The server has a fault of its own."],
    ["ignores Range", { ignoresRange: true }, "The server ignores ranges"],
    ["sends less than it says", { isCut: true }, "The server's answer was not what was asked for."],
  ])(
    "a server that %s while all is checked: no verdict, and it can be asked again",
    async (_what, now, sentence) => {
      const page = await openedFrom({});
      const check = page.getByRole("button", { name: "Check all of it" });
      await check.waitFor();
      await page.locator(".lines li").nth(6).waitFor();
      fault = now;
      await check.click();
      await page.locator("verdict-view").getByRole("alert").getByText(sentence).waitFor();
      expect(await page.locator("verdict-view strong").innerText()).toBe("Not checked yet.");
      fault = {};
      await check.click();
      await page.locator("verdict-view strong").filter({ hasText: ":" }).waitFor();
    },
  );

  it("a server that fails while it plays, and the place is asked for again", async () => {
    // The camera's second take.
    const page = await openedFrom({ status: 503, of: /0001.0000000[89a-f][.]seg$/ });
    await page.locator(".lines li").nth(6).waitFor();
    await page.getByRole("slider").fill("15000");
    await says(page, "The server has a fault of its own. This says nothing about the recording.");
    fault = {};
    await page.getByRole("slider").fill("16000");
    const camera = page.locator("video").first();
    const shown = (): Promise<number> =>
      camera.evaluate(({ currentTime, readyState }: HTMLVideoElement) => (readyState < 2 ? 0 : currentTime));
    await expect.poll(shown, { timeout: 15_000 }).toBeCloseTo(16, 0);
  });

  it("no key fits", async () => {
    const page = await openPage(site, browser);
    await openExam(page, { ...site, identity: await generateIdentity() });
    await says(page, "None of your keys opens this recording.");
  });

  it("another recording than the announced one, and what is no fingerprint", async () => {
    const page = await openPage(site, browser);
    await openExam(page, site, { coreHash: "f".repeat(64) });
    await says(page, "This is not the recording that was announced");
    await page.getByLabel("Announced fingerprint").fill("f00");
    await page.getByRole("button", { name: "Open the recording" }).click();
    await says(page, "The fingerprint has 64 letters and digits");
  });

  it("expired", async () => {
    const policy = { expiresAt: new Date("2026-05-05T00:00:00Z") };
    const exam = await recordExam(site.folder, site.identity, { policy });
    const page = await openPage(site, browser);
    await openExam(page, { ...site, exam });
    await says(page, "This recording is past the end of its keeping");
  });

  it.each([
    ["", "Type the recording's address, or pick its folder."],
    ["https://store.example/recordings/", "This is no address of a recording."],
    ["about:blank", "This is no address of a recording."],
  ])("the address %j", async (address, sentence) => {
    const page = await openPage(site, browser);
    await openExam(page, site, { address });
    await says(page, sentence);
  });

  it("folders without a recording, with two, and with something else under a recording's name", async () => {
    const folder = await mkdtemp(join(tmpdir(), "blindreel-folders-"));
    try {
      const page = await openPage(site, browser);
      await useKey(page, site.identity);
      const openFolder = async (path: string): Promise<void> => {
        await page.getByLabel("Or a folder on this computer").setInputFiles(path);
        await page.getByRole("button", { name: "Open the recording" }).click();
      };
      await writeFile(join(folder, "holiday.jpg"), "no recording");
      await openFolder(folder);
      await says(page, "There is no recording in this folder.");
      const { recordingId } = site.exam;
      const own = join(site.folder, recordingId);
      await cp(own, join(folder, recordingId), { recursive: true });
      await cp(own, join(folder, "f".repeat(32)), { recursive: true });
      await openFolder(folder);
      await says(page, "There are several recordings in this folder.");
      await rm(join(folder, recordingId), { recursive: true });
      await writeFile(
        join(folder, "f".repeat(32), "envelope"),
        "no envelope, though there is one of its name",
      );
      await openFolder(folder);
      await says(page, "This is no file of ours, or a damaged copy.");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("settings that cannot be read", async () => {
    const page = await browser.newPage();
    await page.route("**/settings.json", (route) => route.fulfill({ status: 200, body: "<html>" }));
    await page.goto(site.server.url);
    await says(page, "This page's settings.json cannot be read.");
    await page.unroute("**/settings.json");
    await page.route("**/settings.json", (route) => route.abort());
    await page.reload();
    await says(page, "This page's settings.json cannot be read.");
  });

  it("a note that the server does not take stays on the page", async () => {
    const page = await openPage(site, browser);
    await page.route("**/notes/**", (route) => route.fulfill({ status: 507 }));
    await openExam(page, site);
    const jwk = JSON.stringify(await (await generateSigningKey()).toJwk());
    const file = { name: "jo.jwk", mimeType: "application/json", buffer: Buffer.from(jwk) };
    await page.getByLabel("Key file").setInputFiles(file);
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByLabel("Text", { exact: true }).fill("Nothing to see.");
    await page.getByRole("button", { name: "Sign, seal and send" }).click();
    await says(page, "The server did not take the note");
    expect(await page.getByLabel("Text", { exact: true }).inputValue()).toBe("Nothing to see.");
  });
});
