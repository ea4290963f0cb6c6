import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { generateIdentity, seal } from "blindreel";
import { build } from "esbuild";
import type { BrowserContext } from "playwright";
import { launchChromium } from "../../scripts/launch-chromium.js";
import type { Group } from "../lib/group.js";
import { type Contender, measure } from "../lib/measure.js";
import { type Row, ratioAtMost } from "../lib/row.js";

const ENTRY = fileURLToPath(new URL("../portable/cold-open.ts", import.meta.url));

/** A page with the key and the file in it, and the modules beside it, which no cache keeps. */
async function servePages() {
  const identity = await generateIdentity();
  const file = await seal(new Uint8Array(16), { to: identity.recipient });
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    outdir: "/",
    write: false,
    logLevel: "error",
  });
  const modules = new Map(outputFiles.map(({ path, text }) => [path, text]));
  const globals = `var jwk=${JSON.stringify(identity.toJwk())},file=[${file}]`;
  const page = `<!doctype html><script>${globals}</script><script type="module" src="/cold-open.js"></script>`;
  const server = createServer(({ url }, response) => {
    const { pathname } = new URL(url!, "http://localhost");
    const text = modules.get(pathname);
    response.setHeader("cache-control", "no-store");
    if (text !== undefined) response.setHeader("content-type", "text/javascript").end(text);
    else response.setHeader("content-type", "text/html").end(page);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Milliseconds from a page's beginning to what it was opened for. */
async function load(context: BrowserContext, url: string): Promise<number> {
  const page = await context.newPage();
  try {
    await page.goto(url);
    return await page.evaluate<number>("globalThis.coldOpen");
  } finally {
    await page.close();
  }
}

export const group: Group = {
  title: "Opening a file in a cold page",
  about:
    "A file of 16 bytes and its key are in the page; `open` is minified in modules beside it, from a server on the same machine. A new page each time, by its own clock from its beginning on. The ratio is to the same page that loads the modules and opens nothing.",

  async run(scale) {
    const { server, origin } = await servePages();
    const context = await launchChromium();
    try {
      const times = new Map<string, number[]>();
      const loading = (name: string, query: string): Contender => ({
        name,
        run: async () => {
          const took = await load(context, `${origin}/${query}`);
          times.set(name, [...(times.get(name) ?? []), took]);
        },
      });
      await measure([loading("modules loaded", ""), loading("modules loaded, file opened", "?open")], {
        rounds: 2 * scale.rounds,
        sample: 0,
      });
      const sorted = [...times].map(([what, samples]) => ({ what, samples: samples.sort((a, b) => a - b) }));
      const medians = sorted.map(({ samples }) => samples[samples.length >> 1]!);
      const rows = sorted.map(
        ({ what, samples }, i): Row => ({
          what,
          value: medians[i]!,
          unit: "ms",
          ratio: medians[i]! / medians[0]!,
          ...(i > 0 && { target: ratioAtMost(1.5) }),
          times: samples,
        }),
      );
      const agent = await (await context.newPage()).evaluate(() => navigator.userAgent);
      return { rows, runtime: `Chromium ${/Chrome\/(\d+)/.exec(agent)?.[1]}` };
    } finally {
      await context.close();
      server.close();
      server.closeAllConnections();
    }
  },
};
