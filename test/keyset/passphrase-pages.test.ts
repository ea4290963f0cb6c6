/** Argon2id in a page: the worker, what a worker can do wrong, and how long the page's thread is held. */
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeChromium } from "../helpers/browsers.js";
import type { IdentityTools } from "./browser-entry.js";
import { type IdentityPages, identityPages } from "./pages.js";

declare const tools: IdentityTools;

/** Workers that fail, each in its way. */
const WORKERS = {
  "/throws.js": "throw new Error('no room')",
  "/number.js": "onmessage = () => postMessage(5)",
  "/nothing.js": "onmessage = () => postMessage(null)",
  "/fraction.js": "onmessage = () => postMessage({ fraction: 'half' })",
  "/short.js": "onmessage = () => postMessage({ secret: new Uint8Array(31) })",
  "/text.js": "onmessage = () => postMessage({ secret: 'x'.repeat(32) })",
  "/says-so.js": "onmessage = () => postMessage({ failure: 'out of memory' })",
  "/hangs.js": "onmessage = () => postMessage({ fraction: 0.25 })",
};

describeChromium("a passphrase in a page", () => {
  let pages: IdentityPages;
  let page: Page;
  beforeAll(async () => {
    pages = await identityPages(WORKERS);
    page = await pages.open();
  });
  afterAll(() => pages?.close());

  it("opens by a worker what the page sealed in steps, and the other way round", async () => {
    const found = await page.evaluate(async () => {
      const createWorker = () => new Worker("/worker.js", { type: "module" });
      const identity = await tools.generateIdentity();
      const cost = { memory: 19_456, passes: 2, lanes: 1 };
      const fractions: number[] = [];
      const onProgress = (fraction: number) => fractions.push(fraction);
      const files = [
        await tools.protectIdentity(identity, { to: tools.passphraseRecipient("pass", { cost }) }),
        await tools.protectIdentity(identity, {
          to: tools.passphraseRecipient("pass", { cost, createWorker, onProgress }),
        }),
      ];
      const expected = identity.thumbprint;
      const inWorker = tools.passphraseIdentity("pass", { createWorker });
      const wrong = tools.passphraseIdentity("word", { createWorker });
      await tools.unlockIdentity(files[0]!, { identities: inWorker, expected });
      await tools.unlockIdentity(files[1]!, { identities: tools.passphraseIdentity("pass"), expected });
      const failed = await tools.outcome(() =>
        tools.unlockIdentity(files[0]!, { identities: wrong, expected }),
      );
      return [fractions.at(0), fractions.at(-1), failed];
    });
    expect(found).toEqual([0, 1, expect.stringMatching(/^authentication-failed: /)]);
  });

  /** The longest time that the page's thread was held, as a share of the whole time: a busy machine makes both longer. */
  async function longestShare(isInWorker: boolean): Promise<number> {
    return page.evaluate(async (byWorker) => {
      const createWorker = () => new Worker("/worker.js", { type: "module" });
      const to = tools.passphraseRecipient("pass", byWorker ? { createWorker } : {});
      const identity = await tools.generateIdentity();
      const begin = performance.now();
      const held = await tools.longTasks(() => tools.protectIdentity(identity, { to }));
      return Math.max(0, ...held) / (performance.now() - begin);
    }, isInWorker);
  }

  // In one piece, the derivation would hold the thread for nearly all of it.
  it("holds the page's thread for a small share of the time at the default cost, in a worker and in steps", async () => {
    expect(await page.evaluate(() => tools.longTasks(async () => tools.spin(80)))).not.toEqual([]);
    expect(await longestShare(true)).toBeLessThan(0.25);
    expect(await longestShare(false)).toBeLessThan(0.1);
  });

  /** Wraps by the worker at this address. */
  const wrapBy = (address: string) =>
    page.evaluate(
      (script) =>
        tools.outcome(async () => {
          const createWorker = () => new Worker(script, { type: "module" });
          const to = tools.passphraseRecipient("pass", { createWorker });
          await tools.protectIdentity(await tools.generateIdentity(), { to });
          return "sealed";
        }),
      address,
    );

  it.each([
    ["/absent.js", "it could not be loaded"],
    ["/throws.js", "Uncaught Error: no room"],
    ["/number.js", "it answered something else"],
    ["/nothing.js", "it answered something else"],
    ["/fraction.js", "it answered something else"],
    ["/short.js", "it answered something else"],
    ["/text.js", "it answered something else"],
    ["/says-so.js", "out of memory"],
  ])("says what is wrong with the worker %s", async (address, reason) => {
    expect(await wrapBy(address)).toBe(`provider-fault: the passphrase worker failed: ${reason}`);
  });

  it("gives up on a worker that is silent for half a minute", async () => {
    const waiting = await pages.open();
    await waiting.clock.install();
    const failed = waiting.evaluate(() =>
      tools.outcome(async () => {
        const createWorker = () => new Worker("/hangs.js", { type: "module" });
        const to = tools.passphraseRecipient("pass", {
          createWorker,
          onProgress: (fraction) => Object.assign(globalThis, { fraction }),
        });
        return tools.protectIdentity(await tools.generateIdentity(), { to });
      }),
    );
    await waiting.waitForFunction(() => "fraction" in globalThis);
    await waiting.waitForTimeout(300);
    await waiting.clock.fastForward(29_000);
    const early = await Promise.race([failed, waiting.evaluate(() => "waiting")]);
    expect(early).toBe("waiting");
    await waiting.clock.fastForward(2_000);
    expect(await failed).toBe("provider-fault: the passphrase worker failed: it was silent for 30 s");
    await waiting.close();
  });

  it("an error of the caller's progress function ends it", async () => {
    const found = await page.evaluate(async () => {
      const createWorker = () => new Worker("/worker.js", { type: "module" });
      const onProgress = (fraction: number) => {
        if (fraction > 0) throw new Error("the bar fell down");
      };
      const to = tools.passphraseRecipient("pass", { createWorker, onProgress });
      const identity = await tools.generateIdentity();
      return tools.outcome(() => tools.protectIdentity(identity, { to }));
    });
    expect(found).toBe("Error: the bar fell down");
  });

  it("an abort ends the worker", async () => {
    const found = await page.evaluate(async () => {
      let terminated = 0;
      const createWorker = () => {
        const worker = new Worker("/worker.js", { type: "module" });
        const terminate = worker.terminate.bind(worker);
        worker.terminate = () => {
          terminated++;
          terminate();
        };
        return worker;
      };
      const controller = new AbortController();
      const to = tools.passphraseRecipient("pass", {
        createWorker,
        signal: controller.signal,
        onProgress: (fraction) => fraction > 0 && controller.abort("enough"),
      });
      const identity = await tools.generateIdentity();
      return [await tools.outcome(() => tools.protectIdentity(identity, { to })), terminated];
    });
    expect(found).toEqual(["enough", 1]);
  });
});
