import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { OpenJournal } from "../../src/storage/store.js";
import { describeChromium, launchChromium } from "../helpers/browsers.js";
import { bundleForBrowser, type PageServer, servePage } from "../helpers/page.js";
import { fillDisk, mountSmallDisk } from "../helpers/small-disk.js";
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
    expect(await page.evaluate(() => tools.runInWorker())).toEqual(allPassed);
  });

  it("OPFS in a dedicated worker, of which a page has it, and nowhere else; a worker that fails is a store that failed", async () => {
    expect(await page.evaluate(() => tools.runInPage())).toEqual(allPassed);
    expect(await page.evaluate(() => tools.opfsCode())).toBe("unsupported-runtime");
    expect(await page.evaluate(() => tools.missingWorker())).toBe("storage-failed");
  });

  it("OPFS keeps two workers apart, until one takes over, or is gone", async () => {
    const heard = await page.evaluate(async () => {
      const [one, two] = [tools.startWorker(), tools.startWorker()];
      const said: unknown[] = [];
      const tell = async (worker: typeof one, call: "create" | "open" | "takeOver" | "commit" | "discard") =>
        said.push(`${call} ${await worker({ call })}`);
      await tell(one, "create");
      await tell(one, "commit");
      await tell(two, "open");
      await tell(two, "discard");
      await tell(two, "takeOver");
      await tell(one, "commit");
      await tell(two, "commit");
      await tell(one, "open");
      said.push(await two({ call: "list" }));
      return said;
    });
    expect(heard).toEqual([
      "create done",
      "commit done",
      "open journal-in-use",
      "discard journal-in-use",
      "takeOver done",
      "commit journal-in-use",
      "commit done",
      "open journal-in-use",
      ["shared"],
    ]);
    await page.close();
    page = await open();
    expect(await page.evaluate(() => tools.startWorker()({ call: "discard" }))).toBe("done");
    expect(await page.evaluate(() => tools.startWorker()({ call: "open" }))).toBe("journal-lost");
  });

  it("fault J6: OPFS and IndexedDB pass over what is no journal", async () => {
    expect(await page.evaluate(() => tools.startWorker()({ call: "list" }))).toEqual([]);
    const listed = await page.evaluate(async () => {
      const store = tools.indexedDbJournal("strays");
      await store.list();
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open("strays");
        request.onsuccess = () => resolve(request.result);
      });
      await new Promise((resolve) => {
        const transaction = database.transaction("journals", "readwrite");
        transaction.objectStore("journals").put({ label: "x" }, "../precious");
        transaction.objectStore("journals").put({ label: "x" }, 5);
        transaction.objectStore("journals").put(true, "a".repeat(32));
        transaction.oncomplete = resolve;
      });
      database.close();
      return store.list();
    });
    expect(listed).toEqual([{ name: "a".repeat(32), label: "" }]);
  });

  it("IndexedDB keeps two tabs apart, and a tab that is gone holds nothing", async () => {
    const create = async (target: Page) =>
      target.evaluate(async () => {
        try {
          const store = tools.indexedDbJournal("tabs");
          const name = "a".repeat(32);
          const isThere = (await store.list()).length > 0;
          const journal = isThere
            ? (await store.open(name)).journal
            : await store.create(name, { label: "" });
          await journal.commit({ records: [new Uint8Array(3)] });
          Object.assign(globalThis, { journal });
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
    const thief = await open();
    const steal = () => tools.indexedDbJournal("tabs").open("a".repeat(32), { takeOver: true });
    expect(await thief.evaluate(`(${steal})().then(({ records }) => records.length)`)).toBe(2);
    const spoil = async () => {
      const { journal } = globalThis as unknown as { journal: OpenJournal };
      return journal.commit({ records: [new Uint8Array(1)] }).catch((error) => error.code);
    };
    expect(await page.evaluate(spoil)).toBe("journal-in-use");
    await thief.close();
  });

  it("IndexedDB without Web Locks lets the one write who had it last", async () => {
    const target = await open();
    const heard = await target.evaluate(async () => {
      Object.defineProperty(navigator, "locks", { value: undefined });
      const store = tools.indexedDbJournal("lockless");
      const name = "a".repeat(32);
      const commit = (journal: OpenJournal) =>
        journal.commit({ records: [new Uint8Array(1)] }).then(
          () => "no error",
          (error) => error.code,
        );
      const first = await store.create(name, { label: "" });
      const said = [await commit(first)];
      const { journal } = await store.open(name);
      said.push(await commit(first), await commit(journal));
      await journal.close();
      return [...said, (await store.open(name)).records.length];
    });
    expect(heard).toEqual(["no error", "journal-in-use", "no error", 2]);
    await target.close();
  });

  it("IndexedDB says when the quota is used up", async () => {
    // An origin of its own: Chromium remembers for a while how much room it found.
    const origin = server.origin.replace("127.0.0.1", "localhost");
    const target = await open(origin);
    const session = await browser.newCDPSession(target);
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 2 ** 20 });
    const full = await target.evaluate(async () => {
      const journal = await tools.indexedDbJournal("full").create("a".repeat(32), { label: "" });
      for (let i = 0; i < 30; i++) {
        const parts = [new Uint8Array(2 ** 20).map(() => 256 * Math.random())];
        try {
          const records = [new Uint8Array(1)];
          await journal.commit({ pieces: [{ blob: "b", offset: i * 2 ** 20, parts }], records });
        } catch (error) {
          // There is room again when something was dropped, and what failed can be written.
          await journal.dropBlobs(["b"]);
          await journal.commit({ records: [new Uint8Array(1)] });
          await journal.close();
          const { records } = await tools.indexedDbJournal("full").open("a".repeat(32));
          return [(error as { code?: unknown }).code, records.length - i];
        }
      }
      return "no error";
    });
    expect(full).toEqual(["storage-full", 1]);
  });

  it("IndexedDB says when it was evicted, and when a record is damaged, fault J3: which can be discarded", async () => {
    const target = await open();
    const session = await browser.newCDPSession(target);
    const codes = await target.evaluate(async () => {
      const code = async (action: () => Promise<unknown>): Promise<unknown> =>
        action().then(
          () => "no error",
          (error) => error.code,
        );
      const name = "a".repeat(32);
      const store = tools.indexedDbJournal("damaged");
      const journal = await store.create(name, { label: "" });
      await journal.commit({ records: [new Uint8Array(3)] });
      await journal.commit({ records: [new Uint8Array(4)] });
      await journal.close();
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open("damaged");
        request.onsuccess = () => resolve(request.result);
      });
      const change = (frame: unknown) =>
        new Promise((resolve) => {
          const transaction = database.transaction("frames", "readwrite");
          transaction.objectStore("frames").put(frame, [name, 1]);
          transaction.oncomplete = resolve;
        });
      const reopen = () => store.open(name);
      await change(new Uint8Array(24));
      const damaged = await code(reopen);
      await change("text");
      const replaced = await code(reopen);
      database.close();
      await store.discard(name);
      return { damaged, replaced, discarded: await code(reopen) };
    });
    expect(codes).toEqual({
      damaged: "journal-damaged",
      replaced: "journal-damaged",
      discarded: "journal-lost",
    });

    await target.evaluate(async () => {
      const journal = await tools.indexedDbJournal("evicted").create("a".repeat(32), { label: "" });
      await journal.commit({ records: [new Uint8Array(1)] });
      Object.assign(globalThis, { journal });
    });
    await session.send("Storage.clearDataForOrigin", { origin: server.origin, storageTypes: "indexeddb" });
    const lost = await target.evaluate(async () => {
      const { journal } = globalThis as unknown as { journal: OpenJournal };
      const writing = await journal.commit({ records: [new Uint8Array(1)] }).then(
        () => "no error",
        (error) => error.code,
      );
      await journal.close();
      const store = tools.indexedDbJournal("evicted");
      const opening = await store.open("a".repeat(32)).catch((error) => error.code);
      return { writing, opening, left: await store.list() };
    });
    expect(lost).toEqual({ writing: "journal-lost", opening: "journal-lost", left: [] });
  });

  it("gives back what was held for a full disk, at an end without that option too", async () => {
    const left = await page.evaluate(async () => {
      const names = () => tools.reservesOf("reserved ");
      const [first, second] = ["a".repeat(32), "b".repeat(32)];
      const store = tools.indexedDbJournal("reserved", { reserve: 1000 });
      for (const name of [first, second]) {
        const journal = await store.create(name, { label: "" });
        await journal.commit({ records: [new Uint8Array(1)] });
        await journal.close();
      }
      const counts = [await names()];
      const plain = tools.indexedDbJournal("reserved");
      await plain.discard(first);
      counts.push(await names());
      await (await plain.open(second)).journal.erase();
      return [...counts, await names()];
    });
    expect(left).toEqual([2, 1, 0]);
  });

  for (const [kind, prefix] of [
    ["IndexedDB", "short "],
    ["OPFS", "opfs short "],
  ] as const)
    it(`${kind}: a journal that finds no room to be made leaves nothing behind, or is listed`, async () => {
      // An origin of its own: Chromium remembers for a while how much room it found.
      const origin = server.origin.replace("127.0.0.1", `${kind.toLowerCase()}.localhost`);
      const target = await open(origin);
      const session = await browser.newCDPSession(target);
      let failed = 0;
      for (let quotaSize = 2 ** 19; quotaSize <= 2 ** 22; quotaSize += 2 ** 19) {
        await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize });
        const [code, listed, reserves] = await target.evaluate(
          async ([of, start]) => {
            const store =
              of === "OPFS"
                ? tools.opfsInWorker("short", 2 ** 21)
                : tools.indexedDbJournal("short", { reserve: 2 ** 21 });
            const work = store.create("a".repeat(32), { label: "exam" }).then((journal) => journal.erase());
            const outcome = await work.then(
              () => "done",
              (error) => error.code,
            );
            const names = await store.list();
            const kept = await tools.reservesOf(start);
            for (const { name } of names) await store.discard(name).catch(() => {});
            return [outcome, names.length, kept];
          },
          [kind, prefix] as const,
        );
        if (code !== "done") failed++;
        expect(code).toMatch(/^(done|storage-f\w+)$/);
        expect(reserves, `${quotaSize}: ${code}`).toBeLessThanOrEqual(listed);
      }
      expect(failed).toBeGreaterThan(3);
      await session.send("Storage.overrideQuotaForOrigin", { origin });
      const left = await target.evaluate(async ([start]) => tools.reservesOf(start), [prefix] as const);
      expect(left).toBe(0);
      await target.close();
    });

  it("a journal whose reserve cannot be given back loses its keys, and stays listed until it can", async () => {
    const heard = await page.evaluate(async () => {
      const name = "a".repeat(32);
      const store = tools.indexedDbJournal("stuck", { reserve: 1000 });
      const { removeEntry } = FileSystemDirectoryHandle.prototype;
      const seen: unknown[] = [];
      const fail = (work: Promise<unknown>) =>
        work.then(
          () => seen.push("done"),
          ({ code }) => seen.push(code),
        );
      for (const end of ["erase", "discard"] as const) {
        const journal = await store.create(name, { label: "" });
        await journal.commit({ records: [new Uint8Array(1)] });
        await journal.saveKeys({ key: new Uint8Array(32) });
        FileSystemDirectoryHandle.prototype.removeEntry = async () => {
          throw new DOMException("in use", "NoModificationAllowedError");
        };
        if (end === "discard") await journal.close();
        await fail(end === "erase" ? journal.erase() : store.discard(name));
        if (end === "erase") await journal.close();
        const again = await store.open(name);
        seen.push(Object.keys(await again.journal.keys()).length);
        await again.journal.close();
        FileSystemDirectoryHandle.prototype.removeEntry = removeEntry;
        await fail(store.discard(name));
        seen.push((await store.list()).length, await tools.reservesOf("stuck "));
      }
      return seen;
    });
    const once = ["storage-failed", 0, "done", 0, 0];
    expect(heard).toEqual([...once, ...once]);
  });

  const disk = mountSmallDisk(150);
  it("on a full disk a write fails, and the keys can be erased where room was held back; with room again, all can be done", async ({
    skip,
  }) => {
    if (disk === undefined) return skip("this user may not mount a file system");
    const small = await launchChromium({ profile: join(disk, "profile") });
    try {
      const target = await small.newPage();
      await target.goto(`${server.origin}/index.html`);
      await target.waitForFunction(() => "tools" in globalThis);
      const make = (label: string, reserve: number): Promise<void> =>
        target.evaluate(
          async ([name, bytes]) => {
            const journal = await tools
              .indexedDbJournal(name, { reserve: bytes })
              .create("a".repeat(32), { label: "" });
            await journal.commit({ pieces: [{ blob: "b", offset: 0, parts: [new Uint8Array(9)] }] });
            Object.assign(globalThis, { [name]: journal });
          },
          [label, reserve] as const,
        );
      const tryAll = (label: string): Promise<unknown> =>
        target.evaluate(async (name) => {
          const journal = (globalThis as unknown as Record<string, OpenJournal>)[name]!;
          const outcome = (work: Promise<unknown>): Promise<unknown> =>
            work.then(
              () => "done",
              ({ code }) => code,
            );
          const parts = [crypto.getRandomValues(new Uint8Array(40_000))];
          const commit = () => outcome(journal.commit({ pieces: [{ blob: "c", offset: 0, parts }] }));
          return {
            writes: [await commit(), await commit()],
            erasing: await outcome(journal.eraseKeys()),
            reading: await outcome(
              journal.blob("b").then((bytes) => (bytes?.length === 9 ? bytes : Promise.reject({}))),
            ),
          };
        }, label);
      await make("bare", 0);
      const ballast = fillDisk(disk);
      const failed = expect.stringMatching(/^storage-/);
      expect(await tryAll("bare")).toEqual({ writes: [failed, failed], erasing: failed, reading: failed });
      rmSync(ballast);
      expect(await tryAll("bare")).toEqual({ writes: ["done", "done"], erasing: "done", reading: "done" });
      await make("held", 8 * 2 ** 20);
      fillDisk(disk);
      // Chromium may have thrown a database away that a full disk has damaged: its keys are gone, too.
      expect(await tryAll("held")).toMatchObject({ writes: [failed, expect.any(String)], erasing: "done" });
    } finally {
      await small.close();
    }
  });
});
