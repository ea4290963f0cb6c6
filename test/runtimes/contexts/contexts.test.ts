import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { launchChromium } from "../../helpers/browsers.js";
import { type DataServer, startDataServer } from "../hosts/server.js";
import type { Report } from "../suite/data.js";
import { openFromOthers, sealForOthers } from "../suite/exchange.js";
import { type Engine, engines } from "./engines.js";
import type { Task } from "./run-cases.js";
import { type Site, serveSite } from "./site.js";

/**
 * The conformance suite where an engine has rules of its own: workers, extensions, pages with strict policies, pages
 * without WebCrypto. Each seals for all others, Node among them, and opens what they sealed.
 */

interface Context {
  readonly where: "page" | "dedicated worker" | "shared worker" | "service worker";
  /** The constructor of its global object, as it reports it: the test ran where it says. */
  readonly scope: string;
  readonly page?: string;
  readonly host?: string;
  readonly title?: string;
  readonly round?: Task["round"];
}

const DEDICATED = { where: "dedicated worker", scope: "DedicatedWorkerGlobalScope" } as const;
const SHARED = { where: "shared worker", scope: "SharedWorkerGlobalScope" } as const;
const SERVICE = { where: "service worker", scope: "ServiceWorkerGlobalScope" } as const;
const STRICT = {
  where: "page",
  scope: "Window",
  page: "strict.html",
  title: "page with Trusted Types and a strict policy",
} as const;
/** A name that is not this machine's makes http: insecure. The published vectors run: nothing here is the platform's. */
const INSECURE = {
  where: "page",
  scope: "Window",
  host: "insecure.test",
  title: "insecure page, without crypto.subtle",
  round: "fallback",
} as const;

const contexts: Readonly<Record<keyof typeof engines, readonly Context[]>> = {
  chromium: [DEDICATED, SHARED, SERVICE, STRICT, INSECURE],
  firefox: [DEDICATED, SHARED, SERVICE, STRICT],
  webkit: [DEDICATED, SHARED, SERVICE, STRICT],
};

vi.setConfig({ testTimeout: 180_000 });

let data: DataServer;
let site: Site;
beforeAll(async () => {
  data = await startDataServer();
  site = await serveSite();
  await sealForOthers.run({ name: "node", origin: data.origin });
});
afterAll(async () => {
  await site?.close();
  await data?.close();
});

function expectPassed(report: Report, scope: string): void {
  expect(report.failures).toEqual([]);
  expect(report.cases).toBeGreaterThan(0);
  expect(report.scope).toBe(scope);
}

for (const [name, list] of Object.entries(contexts) as [keyof typeof engines, readonly Context[]][]) {
  const start = engines[name];
  if (!start && process.env.CI) throw new Error(`${name} is missing: npm run setup`);

  describe.skipIf(!start)(start ? name : `${name} (missing: npm run setup)`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await start!();
    });
    afterAll(() => engine?.close());

    for (const { where, scope, page = "page.html", host, title = where, round = "context" } of list) {
      test(title, async () => {
        const task = { name: `${name} ${title}`, origin: data.origin, where } as const;
        await engine.open(site.address(page, { ...task, round }, host));
        const first = await data.report<Report>(`${task.name}, ${round}`);
        expectPassed(first, scope);
        expect([first.isSecureContext, first.hasSubtle]).toEqual([!host, !host]);
        await engine.open(site.address(page, { ...task, round: "second" }, host));
        expectPassed(await data.report<Report>(`${task.name}, second`), scope);
      });
    }
  });
}

describe.skipIf(!engines.chromium)("an MV3 extension under its default policy", () => {
  test("seals and opens in its service worker, in a page of its own and in an offscreen document", async () => {
    const task = { name: "", origin: data.origin, round: "context" } as const;
    const browser = await launchChromium({ extension: site.writeExtension(task) });
    try {
      const worker = "chromium extension's service worker, context";
      expectPassed(await data.report<Report>(worker), "ServiceWorkerGlobalScope");
      expectPassed(await data.report<Report>("chromium extension's offscreen document, context"), "Window");
      const background = browser.serviceWorkers()[0] ?? (await browser.waitForEvent("serviceworker"));
      const page = await browser.newPage();
      for (const round of ["context", "second"] as const) {
        const query = new URLSearchParams({
          ...task,
          name: "chromium extension's page",
          round,
          where: "page",
        });
        await page.goto(new URL(`page.html?${query}`, background.url()).href);
        expectPassed(await data.report<Report>(`chromium extension's page, ${round}`), "Window");
      }
    } finally {
      await browser.close();
    }
  });
});

test("Node opens what every context sealed", async () => {
  await openFromOthers.run({ name: "node", origin: data.origin });
  const expected = Object.entries(contexts).flatMap(([name, list]) =>
    engines[name as keyof typeof engines] ? list.map(({ title, where }) => `${name} ${title ?? where}`) : [],
  );
  expect(data.deposited()).toEqual(expect.arrayContaining(expected));
});
