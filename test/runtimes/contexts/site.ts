import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type PageServer, servePage } from "../../helpers/page.js";
import type { Task } from "./run-cases.js";

/** Pages, workers and the extension of the tests in contexts, with the built package in them. */

const HERE = fileURLToPath(new URL("./", import.meta.url));
const ENTRIES = ["page", "worker", "service-worker", "extension-background", "main-thread"] as const;

const htmlOf = (script: string): string =>
  `<!doctype html><meta charset="utf-8"><script type="module" src="/${script}.js"></script>`;

/** Bundles every entry, split into modules as an application's would be. @returns text by file name. */
async function bundles(): Promise<Readonly<Record<string, string>>> {
  const { outputFiles } = await build({
    entryPoints: ENTRIES.map((name) => `${HERE}${name}.ts`),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    outdir: "/",
    write: false,
    logLevel: "silent",
  });
  return Object.fromEntries(outputFiles.map(({ path, text }) => [path.slice(1), text]));
}

/** Nothing but scripts of the page's own origin, and no string becomes code or the address of code. */
const STRICT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src *",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

export interface Site extends PageServer {
  /** The address of a page that does a task; `host` replaces the name of this machine. */
  address(page: string, task: Task & { readonly where: string }, host?: string): string;
  /** Writes an unpacked MV3 extension, under the policy that extensions have by default. @returns its folder. */
  writeExtension(task: Task): string;
}

export async function serveSite(): Promise<Site> {
  const files = await bundles();
  const server = await servePage({}, (request, response) => {
    const name = new URL(request.url!, "http://server").pathname.slice(1);
    const script = files[name];
    if (script !== undefined) {
      response.writeHead(200, { "Content-Type": "text/javascript" }).end(script);
      return;
    }
    if (name === "strict.html") response.setHeader("Content-Security-Policy", STRICT_POLICY);
    const page = name === "main-thread.html" ? "main-thread" : "page";
    const isPage = name.endsWith(".html");
    response.writeHead(isPage ? 200 : 404, { "Content-Type": "text/html" }).end(isPage ? htmlOf(page) : "");
  });
  const folders: string[] = [];
  return {
    origin: server.origin,
    address(page, task, host = "127.0.0.1") {
      const { port } = new URL(server.origin);
      return `http://${host}:${port}/${page}?${new URLSearchParams({ ...task })}`;
    },
    writeExtension(task) {
      const folder = mkdtempSync(join(tmpdir(), "blindreel-extension-"));
      folders.push(folder);
      const manifest = {
        manifest_version: 3,
        name: "Blindreel conformance",
        version: "1",
        permissions: ["offscreen"],
        background: { service_worker: "extension-background.js", type: "module" },
      };
      writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
      writeFileSync(join(folder, "task.json"), JSON.stringify(task));
      writeFileSync(join(folder, "page.html"), htmlOf("page"));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      return folder;
    },
    async close() {
      for (const folder of folders) rmSync(folder, { recursive: true });
      await server.close();
    },
  };
}
