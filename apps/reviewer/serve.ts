import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { serveStatic } from "@hono/node-server/serve-static";
import { type PageOptions, type PageServer, servePage } from "blindreel-ui/serve";

/** `npm run reviewer`: the built page, and a folder of recordings beside it, on this machine. For trying it; any web server can do it. */

const PAGE = fileURLToPath(new URL("dist", import.meta.url));
/** What the demo leaves: its recording, and beside it the key, which is never served. */
const DEMO = fileURLToPath(new URL("../../demo/review", import.meta.url));
const [DEMO_STORE, DEMO_KEY] = [join(DEMO, "store"), join(DEMO, "institution.jwk")];
const PORT = 8720;

/** @param folder of stored objects, by their names. @returns once it listens. */
export async function startReviewer(
  folder: string,
  { change, ...options }: PageOptions = {},
): Promise<PageServer> {
  return servePage(PAGE, {
    ...options,
    change(app) {
      change?.(app);
      const settings = { list: "/list?prefix={prefix}", notes: "/notes/" };
      app.get("/settings.json", (context) => context.json(settings));
      app.get("/list", async (context) => {
        const names = await readdir(folder, { recursive: true });
        return context.json(
          names.filter((name) => name.startsWith(context.req.query("prefix") ?? "")).sort(),
        );
      });
      app.put("/notes/:id{[0-9a-f]{32}}/:name{note-[0-9a-f-]{36}[.]reel}", async (context) => {
        const path = join(folder, context.req.param("id"), context.req.param("name"));
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, new Uint8Array(await context.req.arrayBuffer()));
        return context.body(null, 201);
      });
      const stored = (path: string) => path.replace(/^\/store\//, "/");
      app.get("/store/*", serveStatic({ root: folder, rewriteRequestPath: stored }));
    },
  });
}

/** A browser keeps keys for an address with its port: the same one, unless somebody else has it. */
async function startAtPort(folder: string): Promise<PageServer> {
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
