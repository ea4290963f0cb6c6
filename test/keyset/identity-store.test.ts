/** The browser store in every engine: a key that scripts cannot read where the browser keeps one, else a sealed file. */
import { EventEmitter, once } from "node:events";
import type { IncomingMessage } from "node:http";

import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { identityStore } from "../../src/keyset/identity-store.js";
import { expectCode } from "../helpers/errors.js";
import { bundleForBrowser, type PageServer, servePage } from "../helpers/page.js";
import { engines } from "../runtimes/contexts/engines.js";
import type { StoreReport } from "./store-entry.js";

const ENTRY = fileURLToPath(new URL("store-entry.ts", import.meta.url));
const reports = new EventEmitter();
let server: PageServer;

async function take(request: IncomingMessage): Promise<void> {
  reports.emit("report", JSON.parse(await text(request)));
}

beforeAll(async () => {
  const files = {
    "/index.html": '<!doctype html><script type="module" src="/entry.js"></script>',
    "/second.html": '<!doctype html><script type="module" src="/entry.js"></script>',
    "/entry.js": await bundleForBrowser(ENTRY),
  };
  server = await servePage(files, (request, response) => {
    if (request.url === "/report") void take(request);
    response.end();
  });
});
afterAll(() => server?.close());

/** What each engine keeps of X25519; P-256 they all keep. */
const X25519_FORM = { chromium: "platform", firefox: "platform", webkit: "sealed" } as const;

for (const [name, form] of Object.entries(X25519_FORM) as [keyof typeof engines, string][]) {
  const start = engines[name];
  if (!start && process.env.CI) throw new Error(`${name} is missing: npm run setup`);

  describe.skipIf(!start)(start ? name : `${name} (missing: npm run setup)`, () => {
    it("keeps identities, gives them back after a reload, and forgets them", async () => {
      const engine = await start!();
      try {
        const next = async (page: string): Promise<StoreReport> => {
          const report = once(reports, "report", { signal: AbortSignal.timeout(50_000) });
          await engine.open(`${server.origin}/${page}.html`);
          return ((await report) as [StoreReport])[0];
        };
        expect(await next("index")).toEqual({
          "X25519 form": form,
          "X25519 opens": true,
          "X25519 has no toJwk": form === "platform",
          "X25519 without the passphrase": form === "platform" ? "no error" : "no-matching-key",
          "P-256 form": "platform",
          "P-256 opens": true,
          "P-256 has no toJwk": true,
          "P-256 without the passphrase": "no error",
          "X-Wing form": "sealed",
          "X-Wing loads": true,
          "changed passphrase": true,
          "old passphrase": "authentication-failed",
          "nothing to rename": "storage-failed",
          "still there": true,
          "X-Wing, nothing to seal to": "invalid-recipients",
          removed: "undefined",
          "sealed on demand": "sealed",
          "asks for the passphrase": "no-matching-key",
          "never stored": "undefined",
          listed: 2,
          "private half of another": "invalid-key",
          "pair of another": "unexpected-identity",
          "saved meanwhile": "sealed",
          "two saves at once": true,
          "left over after removal": expect.stringContaining("got undefined"),
          "of another name": "no error",
          "after both": "undefined",
        });
        expect(await next("second")).toEqual({
          "X25519 opens": true,
          "X25519 removed": "undefined",
          "P-256 opens": true,
          "P-256 removed": "undefined",
          listed: 0,
        });
      } finally {
        await engine.close();
      }
    });
  });
}

it("Node has no store of a browser, and says so", async () => {
  await expectCode(() => identityStore(), "unsupported-runtime");
});
