/** docs/reviewing.md says which headers a store needs: with these it works in a page of another origin, and without them as it says. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeChromium, launchChromium } from "../helpers/browsers.js";
import { bundleForBrowser, type PageServer, servePage } from "../helpers/page.js";
import { ROOT, readPage } from "./extract.js";

/** The guide's table: header and value. */
function documentedHeaders(origin: string): Record<string, string> {
  const rows = readPage("docs/reviewing.md").matchAll(/^\| `(Access-Control-[\w-]+)` \| (.*?) \|/gm);
  const headers = Object.fromEntries(
    [...rows].map(([, name, value]) => [
      name!,
      value === "the page's origin"
        ? origin
        : [...value!.matchAll(/`([\w, -]+)`/g)].map(([, each]) => each).join(", "),
    ]),
  );
  expect(Object.keys(headers)).toHaveLength(4);
  return headers;
}

describeChromium("a store of another origin", () => {
  const stored = new Map<string, Buffer>();
  let headers: Record<string, string> = {};
  let page: Page;
  let pages: PageServer;
  let browser: BrowserContext;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    const name = request.url!.slice(1);
    if (request.method === "PUT") {
      const body: Buffer[] = [];
      for await (const piece of request) body.push(piece as Buffer);
      stored.set(name, Buffer.concat(body));
      return void response.writeHead(201).end();
    }
    if (name.startsWith("?prefix=")) {
      const prefix = name.slice("?prefix=".length);
      return void response.end(JSON.stringify([...stored.keys()].filter((each) => each.startsWith(prefix))));
    }
    const bytes = stored.get(name);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    if (!bytes || first === undefined) return void response.writeHead(404).end();
    const part = bytes.subarray(Number(first), Number(last) + 1);
    const range = `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`;
    response.writeHead(206, { "Content-Range": range, ETag: '"1"' }).end(part);
  }
  const store = createServer(answer);

  const run = (address: string): Promise<string> =>
    page.evaluate(
      (at) => (globalThis as unknown as { recordAndReview(at: string): Promise<string> }).recordAndReview(at),
      address,
    );
  const address = (): string => `http://127.0.0.1:${(store.address() as AddressInfo).port}`;

  beforeAll(async () => {
    await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve));
    const script = await bundleForBrowser(`${ROOT}/test/docs/cors-page.ts`);
    pages = await servePage({
      "/page.html": '<!doctype html><script type="module" src="/page.js"></script>',
      "/page.js": script,
    });
    browser = await launchChromium();
    page = await browser.newPage();
    await page.goto(`${pages.origin}/page.html`);
    await page.waitForFunction(() => "recordAndReview" in globalThis);
  });

  afterAll(async () => {
    await browser?.close();
    await pages?.close();
    store.close();
  });

  test("works with the headers of the guide", async () => {
    headers = documentedHeaders(pages.origin);
    expect(await run(address())).toBe("complete 1000");
  });

  test("fails as the guide says where nothing is exposed", async () => {
    const { "Access-Control-Expose-Headers": _, ...rest } = documentedHeaders(pages.origin);
    headers = rest;
    expect(await run(address())).toMatch(/^source-failed: .*no usable Content-Range/);
  });
});
