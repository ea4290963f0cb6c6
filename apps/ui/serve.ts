import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { contentPolicy } from "./policy.js";

/** Built pages on this machine, with the headers that they ask for. For trying them; any web server can do it. */

export interface PageServer {
  /** With a slash at the end. */
  readonly url: string;
  close(): void;
}

export interface PageOptions {
  readonly port?: number;
  /** Directives of the policy that are others. */
  readonly policy?: Readonly<Record<string, string>>;
  /** What the application does before the page answers. */
  readonly change?: (app: Hono) => void;
}

/** @param folder of the built page. @returns once it listens. */
export async function servePage(
  folder: string,
  { port = 0, policy = {}, change }: PageOptions = {},
): Promise<PageServer> {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    context.header("Content-Security-Policy", contentPolicy(policy));
    context.header("X-Content-Type-Options", "nosniff");
  });
  change?.(app);
  app.get("*", serveStatic({ root: folder }));
  const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => void server.close(),
  };
}
