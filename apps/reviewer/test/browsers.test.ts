import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { protectIdentity } from "blindreel/keyset";
import { COST_FLOOR, passphraseRecipient } from "blindreel/passphrase";
import type { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleForBrowser } from "../../../test/helpers/page.js";
import { type Engine, engines } from "../../../test/runtimes/contexts/engines.js";
import type { Seen } from "./driver.js";
import { type Site, startSite } from "./page.js";

/** The page in the browsers that are installed: it opens, checks, seeks and plays, fits 360 px, and axe-core finds nothing. */

let site: Site;
let tell: (told: Seen | { readonly error: string }) => void;
beforeAll(async () => {
  const driver = await bundleForBrowser(fileURLToPath(new URL("driver.ts", import.meta.url)));
  const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const index = await readFile(new URL("../dist/index.html", import.meta.url), "utf8");
  const scripts = '<script src="/axe.js"></script><script type="module" src="/driver.js"></script>';
  const change = (app: Hono): void => {
    // A window is as wide as the browser makes it: a frame is 360 px.
    app.get("/frame.html", ({ html, req }) => {
      const { search } = new URL(req.url);
      const frame = `<iframe width="360" height="740" src="/driven.html${search.replaceAll("&", "&amp;")}"></iframe>`;
      return html(`<!doctype html><link rel="icon" href="data:,">${frame}`);
    });
    app.get("/driven.html", (context) => context.html(index.replace("</body>", `${scripts}</body>`)));
    for (const [path, body] of [
      ["/driver.js", driver],
      ["/axe.js", axe],
    ] as const)
      app.get(path, (context) => context.body(body, 200, { "Content-Type": "text/javascript" }));
    app.post("/told", async (context) => {
      tell(await context.req.json());
      return context.body(null, 204);
    });
  };
  site = await startSite({ change, policy: { "frame-src": "'self'", "frame-ancestors": "'self'" } });
});
afterAll(() => site?.close());

for (const [name, start] of Object.entries(engines)) {
  if (!start && process.env.CI) throw new Error(`${name} is missing: npm run setup`);

  describe.skipIf(!start)(start ? name : `${name} (missing: npm run setup)`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await start!();
    });
    afterAll(() => engine?.close());

    test("opens by a passphrase, checks, seeks, plays, at 360 px and for everybody", async () => {
      const told = new Promise<Seen | { readonly error: string }>((resolve) => {
        tell = resolve;
      });
      const { server, exam, identity } = site;
      const passphrase = "correct horse battery staple";
      const to = passphraseRecipient(passphrase, { cost: COST_FLOOR });
      const file = Buffer.from(await protectIdentity(identity, { to })).toString("base64");
      const publicHalf = JSON.stringify(identity.recipient.toJwk());
      const address = `${server.url}store/${exam.recordingId}/`;
      await engine.open(
        `${server.url}frame.html?${new URLSearchParams({ identity: file, publicHalf, passphrase, address })}`,
      );
      expect(await told).toEqual({
        verdict: "Complete: the recorder closed it, lost nothing, and all of it is there as it was signed.",
        lines: 7,
        atFlag: [
          [3, true],
          [3, true],
        ],
        hasPlayed: true,
        excess: 0,
        overlaps: [],
        violations: [],
      });
    });
  });
}
