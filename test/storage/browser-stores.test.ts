import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../helpers/browsers.js";
import { bundleForBrowser, type PageServer, servePage } from "../helpers/page.js";
import type { Outcome, StorageTools } from "./browser-entry.js";
import { storeCases } from "./store-cases.js";

declare const tools: StorageTools;

const ENTRY = fileURLToPath(new URL("browser-entry.ts", import.meta.url));
const allPassed: Outcome = Object.fromEntries(storeCases.map(({ name }) => [name, "passed"]));

describeChromium("stores in Chromium", () => {
  let server: PageServer;
  let browser: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    const script = await bundleForBrowser(ENTRY);
    const html = '<!doctype html><script type="module" src="/entry.js"></script>';
    server = await servePage({ "/entry.js": script, "/index.html": html });
    browser = await launchChromium();
    page = await open();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  const open = async (origin = server.origin): Promise<Page> => {
    const opened = await browser.newPage();
    await opened.goto(`${origin}/index.html`);
    await opened.waitForFunction(() => "tools" in globalThis);
    return opened;
  };

  it("IndexedDB in a page", async () => {
    expect(await page.evaluate(() => tools.runIndexedDb())).toEqual(allPassed);
  });

  it("IndexedDB in a dedicated worker", async () => {
    expect(await page.evaluate(() => tools.runInWorker("indexeddb"))).toEqual(allPassed);
  });

  it("OPFS in a dedicated worker, and nowhere else", async () => {
    expect(await page.evaluate(() => tools.runInWorker("opfs"))).toEqual(allPassed);
    expect(await page.evaluate(() => tools.opfsCode())).toBe("unsupported-runtime");
  });

  it("IndexedDB keeps two tabs apart, and a tab that is gone holds nothing", async () => {
    const create = async (target: Page) =>
      target.evaluate(async () => {
        try {
          const { journal } = await tools.indexedDbJournal("tabs").open("a", "create");
          await journal.commit({ facts: [new Uint8Array(3)] });
          return "opened";
        } catch (error) {
          return (error as { code?: unknown }).code;
        }
      });
    const other = await open();
    expect(await create(other)).toBe("opened");
    expect(await create(page)).toBe("journal-in-use");
    await other.close();
    expect(await create(page)).toBe("opened");
  });

  it("IndexedDB says when the quota is used up", async () => {
    // An origin of its own: Chromium remembers for a while how much room it found.
    const origin = server.origin.replace("127.0.0.1", "localhost");
    const target = await open(origin);
    const session = await browser.newCDPSession(target);
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 2 ** 20 });
    const full = await target.evaluate(async () => {
      const { journal } = await tools.indexedDbJournal("full").open("a", "create");
      for (let i = 0; i < 30; i++) {
        const parts = [new Uint8Array(2 ** 20).map(() => 256 * Math.random())];
        try {
          await journal.commit({ blobs: [{ name: `${i}`, parts }], facts: [new Uint8Array(1)] });
        } catch (error) {
          await journal.close();
          return (error as { code?: unknown }).code;
        }
      }
      return "no error";
    });
    expect(full).toBe("storage-full");
  });

  it("IndexedDB says when it was evicted, and when a record is damaged", async () => {
    const target = await open();
    const session = await browser.newCDPSession(target);
    const codes = await target.evaluate(async () => {
      const code = async (action: () => Promise<unknown>): Promise<unknown> =>
        action().then(
          () => "no error",
          (error) => error.code,
        );
      const { journal } = await tools.indexedDbJournal("damaged").open("a", "create");
      await journal.commit({ facts: [new Uint8Array(3)] });
      await journal.commit({ facts: [new Uint8Array(4)] });
      await journal.close();
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open("damaged");
        request.onsuccess = () => resolve(request.result);
      });
      const change = (frame: unknown) =>
        new Promise((resolve) => {
          const transaction = database.transaction("frames", "readwrite");
          transaction.objectStore("frames").put(frame, ["a", "facts", 1]);
          transaction.oncomplete = resolve;
        });
      const reopen = () => tools.indexedDbJournal("damaged").open("a", "resume");
      await change(new Uint8Array(24));
      const damaged = await code(reopen);
      await change("text");
      const replaced = await code(reopen);
      database.close();
      return { damaged, replaced };
    });
    expect(codes).toEqual({ damaged: "journal-damaged", replaced: "journal-damaged" });

    await target.evaluate(async () => {
      const { journal } = await tools.indexedDbJournal("evicted").open("a", "create");
      await journal.commit({ facts: [new Uint8Array(1)] });
      Object.assign(globalThis, { journal });
    });
    await session.send("Storage.clearDataForOrigin", { origin: server.origin, storageTypes: "indexeddb" });
    const lost = await target.evaluate(async () => {
      const { journal } = globalThis as unknown as { journal: { commit(changes: object): Promise<void> } };
      const writing = await journal.commit({ facts: [new Uint8Array(1)] }).then(
        () => "no error",
        (error) => error.code,
      );
      const store = tools.indexedDbJournal("evicted");
      const opening = await store.open("b", "resume").catch((error) => error.code);
      return { writing, opening, left: await store.list() };
    });
    expect(lost).toEqual({ writing: "journal-lost", opening: "journal-lost", left: [] });
  });
});
