/** `blindreel/fallback` where it is needed: `import()` throws in service workers. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeChromium, launchChromium } from "../helpers/browsers.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * An older browser: WebCrypto without the algorithms named in the worker's address. It does what the page asks and
 * answers with the result, or with the error's code, operation, message and cause.
 */
const worker = (first: string) => `
  import { capabilities, generateIdentity, open, seal } from "./src/index.ts";
  ${first}
  const missing = new URL(self.location.href).searchParams.get("missing").split(",");
  for (const name of ["importKey", "generateKey"]) {
    const real = SubtleCrypto.prototype[name];
    SubtleCrypto.prototype[name] = async function (...args) {
      const algorithm = args.find((arg) => typeof arg === "string" ? missing.includes(arg) : missing.includes(arg?.name));
      if (algorithm) throw new DOMException("unrecognized name", "NotSupportedError");
      return real.apply(this, args);
    };
  }
  const ways = {
    async roundTrip() {
      const identity = await generateIdentity();
      const file = await seal(new Uint8Array([1, 2, 3]), { to: identity.recipient });
      return [...(await open(file, { identities: identity })).data];
    },
    capabilities,
    import: () => import("./src/crypto/noble-backend.ts"),
  };
  self.addEventListener("message", async ({ data, ports: [port] }) => {
    try {
      port.postMessage({ result: await ways[data]() });
    } catch ({ code, details, message, cause }) {
      port.postMessage({ failure: { code, operation: details?.operation, message, cause: cause?.message } });
    }
  });`;

const scripts = {
  "plain.js": worker(""),
  "registered.js": worker('import { registerFallback } from "./src/fallback.ts"; registerFallback();'),
};

const files = new Map<string, string>([["/", "<!doctype html><title>test</title>"]]);
let server: Server;
let browser: BrowserContext;
let page: Page;
let workers = 0;

async function bundle(name: string, contents: string): Promise<void> {
  const folder = name.replace(".js", "");
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT, sourcefile: name, loader: "ts" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    outdir: `/${folder}`,
    write: false,
  });
  for (const { path, text } of outputFiles) files.set(path.replace("/stdin.js", "/worker.js"), text);
}

interface Answer {
  readonly result?: unknown;
  readonly failure?: Readonly<Record<"code" | "operation" | "message" | "cause", string | undefined>>;
}

/** Starts a service worker of its own and asks it one thing. */
async function ask(script: keyof typeof scripts, missing: string, what: string): Promise<Answer> {
  const folder = script.replace(".js", "");
  const scope = `/${folder}/${++workers}/`;
  return page.evaluate(
    async ([address, scope, request]) => {
      const registration = await navigator.serviceWorker.register(address!, {
        type: "module",
        scope: scope!,
      });
      const { installing, waiting, active } = registration;
      const found = (active ?? waiting ?? installing)!;
      const { port1, port2 } = new MessageChannel();
      const answer = new Promise<Answer>((resolve) => {
        port1.onmessage = ({ data }) => resolve(data);
      });
      found.postMessage(request, [port2]);
      try {
        return await answer;
      } finally {
        await registration.unregister();
      }
    },
    [`/${folder}/worker.js?missing=${missing}`, scope, what],
  );
}

describeChromium("a service worker", () => {
  beforeAll(async () => {
    for (const [name, contents] of Object.entries(scripts)) await bundle(name, contents);
    server = createServer(({ url }, response) => {
      const path = new URL(url!, "http://localhost").pathname;
      const text = files.get(path);
      response.writeHead(text === undefined ? 404 : 200, {
        "content-type": path.endsWith(".js") ? "text/javascript" : "text/html",
      });
      response.end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    browser = await launchChromium();
    page = await browser.newPage();
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
  });

  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  test("cannot import(): the reason for all this", async () => {
    expect((await ask("plain.js", "", "import")).failure?.message).toMatch(/import\(\) is disallowed/);
  });

  test("needs no fallback where WebCrypto has everything", async () => {
    expect(await ask("plain.js", "", "roundTrip")).toEqual({ result: [1, 2, 3] });
  });

  test.each(["X25519", "AES-GCM"])("without %s and fallback names both", async (missing) => {
    const { failure } = await ask("plain.js", missing, "roundTrip");
    expect(failure).toMatchObject({ code: "unsupported-runtime", operation: missing });
    expect(failure?.message).toContain("blindreel/fallback");
    expect(failure?.cause).toMatch(/import\(\) is disallowed/);
  });

  test.each(["X25519", "X25519,Ed25519,AES-GCM"])(
    "without %s works by the registered fallback",
    async (missing) => {
      expect(await ask("registered.js", missing, "roundTrip")).toEqual({ result: [1, 2, 3] });
    },
  );

  test("reports what it has", async () => {
    const { result } = await ask("plain.js", "X25519", "capabilities");
    expect(result).toMatchObject({
      runtime: { name: "browser", scope: "service-worker", isSecureContext: true },
      operations: {
        X25519: { backend: "none", isInWebCrypto: false },
        Ed25519: { backend: "webcrypto", isInWebCrypto: true },
      },
      fallback: "none",
      streams: { byob: true, asyncIteration: true, from: false, transferable: true },
      storage: {
        indexedDB: true,
        opfs: true,
        keysInIndexedDB: { "AES-GCM": "kept", HMAC: "kept", X25519: "untested", Ed25519: "kept" },
      },
    });
    const registered = await ask("registered.js", "X25519", "capabilities");
    expect(registered.result).toMatchObject({
      operations: { X25519: { backend: "noble" } },
      fallback: "registered",
    });
  });
});
