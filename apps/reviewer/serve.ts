import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";

/** `npm run reviewer`: the built page, and a folder of recordings beside it, on this machine. For trying it; any web server can do it. */

const PAGE = fileURLToPath(new URL("dist", import.meta.url));
/** What the demo leaves: its recording, and beside it the key, which is never served. */
const DEMO = fileURLToPath(new URL("../../demo/review", import.meta.url));
const [DEMO_STORE, DEMO_KEY] = [join(DEMO, "store"), join(DEMO, "institution.jwk")];
const PORT = 8720;

/** As docs/reviewer.md asks for it; stricter than the page's own, since page and store have one origin here. */
const POLICY: Readonly<Record<string, string>> = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "font-src": "'self'",
  "img-src": "'self' data:",
  "media-src": "blob:",
  "connect-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
  "frame-ancestors": "'none'",
  "require-trusted-types-for": "'script'",
  "trusted-types": "lit-html reviewer-worker",
};

export interface ReviewerServer {
  /** With a slash at the end. */
  readonly url: string;
  close(): void;
}

/** Options of {@link startReviewer}. */
export interface ReviewerOptions {
  readonly port?: number;
  /** Directives of the policy that are others. */
  readonly policy?: Readonly<Record<string, string>>;
  /** What the application does before the page and the store answer. */
  readonly change?: (app: Hono) => void;
}

/** @param folder of stored objects, by their names. @returns once it listens. */
export async function startReviewer(
  folder: string,
  { port = 0, policy = {}, change }: ReviewerOptions = {},
): Promise<ReviewerServer> {
  const app = new Hono();
  const directives = Object.entries({ ...POLICY, ...policy }).map((each) => each.join(" "));
  app.use(async (context, next) => {
    await next();
    context.header("Content-Security-Policy", directives.join("; "));
    context.header("X-Content-Type-Options", "nosniff");
  });
  change?.(app);
  const settings = { list: "/list?prefix={prefix}", notes: "/notes/" };
  app.get("/settings.json", (context) => context.json(settings));
  app.get("/list", async (context) => {
    const names = await readdir(folder, { recursive: true });
    return context.json(names.filter((name) => name.startsWith(context.req.query("prefix") ?? "")).sort());
  });
  app.put("/notes/:id{[0-9a-f]{32}}/:name{note-[0-9a-f-]{36}[.]reel}", async (context) => {
    const path = join(folder, context.req.param("id"), context.req.param("name"));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, new Uint8Array(await context.req.arrayBuffer()));
    return context.body(null, 201);
  });
  const stored = (path: string) => path.replace(/^\/store\//, "/");
  app.get("/store/*", serveStatic({ root: folder, rewriteRequestPath: stored }));
  app.get("*", serveStatic({ root: PAGE }));
  const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => void server.close(),
  };
}

/** A browser keeps keys for an address with its port: the same one, unless somebody else has it. */
async function startAtPort(folder: string): Promise<ReviewerServer> {
  return startReviewer(folder, { port: PORT }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    return startReviewer(folder);
  });
}

async function main(given: string | undefined): Promise<void> {
  const folder = given === undefined ? DEMO_STORE : resolve(process.env.INIT_CWD ?? ".", given);
  if (!existsSync(join(PAGE, "index.html"))) throw new Error("the page is not built: npm run build:all");
  if (!existsSync(folder))
    throw new Error(`there is no folder ${folder}: npm run demo first, or name one of recordings`);
  const ids = (await readdir(folder)).filter((name) => /^[0-9a-f]{32}$/.test(name));
  if (ids.length === 0) throw new Error(`there is no recording in ${folder}`);
  const { url } = await startAtPort(folder);
  console.log("1. Open this address in a browser:");
  for (const id of ids) console.log(`   ${url}#address=${url}store/${id}/`);
  console.log('2. At "Key file", pick the key that opens it, and press "Use this key":');
  console.log(`   ${folder === DEMO_STORE ? DEMO_KEY : "your institution's"}`);
  console.log('3. Press "Open the recording".');
  console.log("It is served until you press Ctrl+C.");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  main(process.argv[2]).catch((error: Error) => {
    console.error(`reviewer: ${error.message}`);
    process.exitCode = 1;
  });
