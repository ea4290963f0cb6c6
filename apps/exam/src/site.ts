import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import type { ExamOffice } from "./office.js";

const built = (app: string): string => fileURLToPath(new URL(`../../${app}/dist`, import.meta.url));

/** The pages that the institution hosts. */
export const PAGES = ["reviewer", "admin", "verify"] as const;

export interface SiteOptions {
  readonly office: ExamOffice;
  /** Origin of the server of recordings. */
  readonly server: string;
  /** The institution's OpenID provider, and this site's name there. */
  readonly signIn: { readonly issuer: string; readonly clientId: string; readonly resource: string };
}

/** The institution's own site: static pages, its statements, and what the pages know of it. */
export function createSite({ office, server, signIn }: SiteOptions): Hono {
  const app = new Hono();
  const own = { institution: office.institution, root: office.root };
  const statements = { keyset: "/keyset.jws", directory: "/staff.jws" };
  const settings: Readonly<Record<(typeof PAGES)[number], object>> = {
    reviewer: { ...own, ...statements, server: `${server}/`, signIn },
    admin: { ...own, ...statements, server: `${server}/`, signIn },
    verify: own,
  };
  app.use(async (context, next) => {
    await next();
    context.header("X-Content-Type-Options", "nosniff");
    context.header("Referrer-Policy", "no-referrer");
    context.header("Content-Security-Policy", "frame-ancestors 'none'");
  });
  const statement = (path: string) => () =>
    new Response(readFileSync(path, "utf8"), {
      headers: { "Content-Type": "text/plain", "Cache-Control": "no-cache" },
    });
  app.get("/keyset.jws", statement(office.keyset));
  app.get("/staff.jws", statement(office.directory));
  for (const page of PAGES) {
    app.get(`/${page}`, (context) => context.redirect(`/${page}/`));
    app.get(`/${page}/settings.json`, (context) => context.json(settings[page]));
    app.get(
      `/${page}/*`,
      serveStatic({ root: built(page), rewriteRequestPath: (path) => path.slice(page.length + 1) }),
    );
  }
  return app;
}
