import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";

export interface SiteServer {
  /** With the base path, and a slash at the end. */
  readonly url: string;
  close(): void;
}

/** The site on this machine, as any web server serves it: files below a base path, 404.html for what is not there. */
export async function serveSite(folder: string, base = "/", port = 0): Promise<SiteServer> {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    context.header("X-Content-Type-Options", "nosniff");
    // A policy in a page cannot say this.
    context.header("Content-Security-Policy", "frame-ancestors 'none'");
  });
  const rewriteRequestPath = (path: string) => path.slice(base.length - 1);
  app.get(`${base}*`, serveStatic({ root: folder, rewriteRequestPath }));
  app.notFound(async (context) => context.html(await readFile(join(folder, "404.html"), "utf8"), 404));
  const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`,
    close: () => void server.close(),
  };
}
