import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { BrowserContext, Page } from "playwright";
import { launchChromium } from "../../../scripts/launch-chromium.js";
import { buildWorker } from "../build.js";

const PICTURES = fileURLToPath(new URL("pictures", import.meta.url));
/** Groups of people, in face-api's package; see test/pictures/README.md. */
const GROUPS = join(
  dirname(createRequire(import.meta.url).resolve("@vladmandic/face-api/package.json")),
  "demo",
);
const FILM = fileURLToPath(new URL("../../../../shared/media/vp8.webm", import.meta.url));

/** No `wasm-unsafe-eval`, no other origin, and workers by a policy alone. */
const CSP =
  "default-src 'self'; script-src 'self'; object-src 'none'; require-trusted-types-for 'script'; trusted-types blindreel-detector";
/** In front of the worker's own script: what the policy forbids it. */
const WATCHED =
  'addEventListener("securitypolicyviolation", (e) => new BroadcastChannel("violations").postMessage(e.violatedDirective + " " + e.blockedURI));\n';

export interface Extension {
  readonly page: Page;
  /** Every address that page or worker asked for. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** An extension that has the detector, the pictures and a film, and its page in Chromium. */
export async function openExtension(): Promise<Extension> {
  const folder = mkdtempSync(join(tmpdir(), "blindreel-detector-"));
  const manifest = { manifest_version: 3, name: "detector", version: "1" };
  const content_security_policy = { extension_pages: CSP };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({ ...manifest, content_security_policy }));
  writeFileSync(join(folder, "page.html"), '<!doctype html><script src="page.js"></script>');
  await build({
    entryPoints: [fileURLToPath(new URL("page.ts", import.meta.url))],
    outfile: join(folder, "page.js"),
    bundle: true,
    target: "es2022",
  });
  const worker = join(folder, "worker.js");
  await buildWorker(worker);
  writeFileSync(worker, WATCHED + readFileSync(worker, "utf8"));
  mkdirSync(join(folder, "pictures"));
  for (const source of [PICTURES, GROUPS]) {
    for (const name of readdirSync(source).filter((name) => name.endsWith(".jpg")))
      copyFileSync(join(source, name), join(folder, "pictures", name));
  }
  copyFileSync(FILM, join(folder, "film.webm"));
  let browser: BrowserContext | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  };
  try {
    browser = await launchChromium({ extension: folder });
    const requests: string[] = [];
    browser.on("request", (request) => requests.push(request.url()));
    const page = await browser.newPage();
    await page.goto(`chrome-extension://${idOf(folder)}/page.html`);
    return { page, requests, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of an unpacked extension without a key, by its folder: Chromium's crx_file::id_util. */
function idOf(folder: string): string {
  const hash = createHash("sha256").update(folder).digest("hex").slice(0, 32);
  return [...hash].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16))).join("");
}
