import { playwright } from "@vitest/browser-playwright";
import { webdriverio } from "@vitest/browser-webdriverio";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import type { BrowserProviderOption } from "vitest/node";
import { CHROMIUM_FLAGS } from "../../scripts/launch-chromium.js";
import { type BrowserFound, findChromium, findFirefox, findWebKit, ROOT } from "../../scripts/runtimes.js";
import { puppeteerFirefox } from "./hosts/puppeteer-provider.js";

/**
 * Vitest's browser mode in the three engines, each by a driver of the build that was found. `run.ts` starts it: it has
 * the data server and the driver of WebKitGTK.
 */

const { BLINDREEL_DATA = "", BLINDREEL_OTHERS = "", WEBKIT_DRIVER_PORT = "" } = process.env;

/** The packages that `dist` imports; found only now, vite would reload the page in the middle of the tests. */
const PREBUNDLED = [
  "@noble/ciphers/aes.js",
  "@noble/curves/ed25519.js",
  "@noble/hashes/hmac.js",
  "@noble/hashes/sha2.js",
  "@scure/base",
];

function project(
  browser: "chromium" | "firefox" | "webkit" | "safari",
  provider: BrowserProviderOption,
  headless = true,
): TestProjectInlineConfiguration {
  const name = browser === "safari" ? "webkit" : browser;
  return {
    root: ROOT,
    cacheDir: `${ROOT}node_modules/.cache/runtimes-${name}`,
    server: { host: "127.0.0.1" },
    optimizeDeps: { include: PREBUNDLED },
    test: {
      name,
      include: ["test/runtimes/hosts/browser.test.ts"],
      testTimeout: 60_000,
      provide: { host: { name, origin: BLINDREEL_DATA }, others: BLINDREEL_OTHERS.split(",") },
      browser: {
        enabled: true,
        headless,
        screenshotFailures: false,
        api: { host: "127.0.0.1" },
        provider,
        instances: [{ browser }],
      },
    },
  };
}

function chromium({ kind, path }: BrowserFound): TestProjectInlineConfiguration {
  const which = kind === "system" ? { executablePath: path } : { channel: "chromium" };
  return project("chromium", playwright({ launchOptions: { ...which, args: [...CHROMIUM_FLAGS] } }));
}

function firefox({ kind, path }: BrowserFound): TestProjectInlineConfiguration {
  return project("firefox", kind === "system" ? puppeteerFirefox({ executablePath: path }) : playwright());
}

function webkit({ kind, path }: BrowserFound): TestProjectInlineConfiguration {
  if (kind === "playwright") return project("webkit", playwright());
  const options = {
    hostname: "127.0.0.1",
    port: Number(WEBKIT_DRIVER_PORT),
    path: "/",
    logLevel: "error",
    // `alwaysMatch` holds against the provider's own browserName, "safari", which WebKitGTK's driver is not.
    capabilities: {
      alwaysMatch: {
        browserName: "MiniBrowser",
        "wdio:enforceWebDriverClassic": true,
        "webkitgtk:browserOptions": { binary: path, args: ["--automation"] },
      },
      firstMatch: [{}],
    },
  };
  return project("safari", webdriverio(options as never), false);
}

const found = [
  [findChromium(), chromium],
  [findFirefox(), firefox],
  [findWebKit(), webkit],
] as const;

export default defineConfig({
  test: {
    projects: found.flatMap(([browser, configure]) => (browser ? [configure(browser)] : [])),
  },
});
