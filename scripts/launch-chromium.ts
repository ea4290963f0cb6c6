import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright";
import { findChromium } from "./runtimes.js";

/** Quiet, and able to run as root and in a container. */
export const CHROMIUM_FLAGS: readonly string[] = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface ChromiumOptions {
  /** A folder with an unpacked MV3 extension, loaded and allowed to run headless. */
  readonly extension?: string;
  /** A camera and a microphone that play a test picture and a tone, granted to every page that asks. */
  readonly fakeMedia?: boolean;
  /** The profile's folder, to be used again after this browser; unless given, one that goes with it. */
  readonly profile?: string;
  /** Where downloads go, under names of the browser's making; unless given, they go with the browser. */
  readonly downloads?: string;
  /** The browser's home folder: on Linux, authorities that it trusts besides its own are in `.pki/nssdb` of it. */
  readonly home?: string;
  /** Policies of managed browsers, as a file of their folder has them: this browser alone sees them. Linux, as root. */
  readonly policies?: { readonly folder: string; readonly values: object };
  /** More command-line flags. */
  readonly args?: readonly string[];
}

/**
 * A real Chromium, headless, with a profile of its own that goes with it. `close()` ends the browser.
 *
 * @throws Error where there is no Chromium.
 */
export async function launchChromium(options: ChromiumOptions = {}): Promise<BrowserContext> {
  const found = findChromium();
  if (!found) throw new Error("Chromium is missing: npm run setup");
  const args = [...CHROMIUM_FLAGS, ...(options.args ?? [])];
  if (options.extension) {
    args.push(`--disable-extensions-except=${options.extension}`, `--load-extension=${options.extension}`);
    if (options.profile !== undefined) allowUnpacked(options.profile);
  }
  if (options.fakeMedia) args.push("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream");
  // Playwright's small headless build has no extensions; its channel "chromium" is the whole browser.
  const own = found.kind === "system" ? { executablePath: found.path } : { channel: "chromium" };
  const which = options.policies
    ? { executablePath: managed(found.path || chromium.executablePath(), options.policies) }
    : own;
  const downloads = options.downloads !== undefined && { downloadsPath: options.downloads };
  return chromium.launchPersistentContext(options.profile ?? "", {
    ...which,
    ...downloads,
    ...(options.home !== undefined && {
      env: { ...process.env, HOME: options.home } as Record<string, string>,
    }),
    headless: true,
    args,
  });
}

/**
 * Developer mode, as whoever loads unpacked extensions has it: without it one that reloads itself comes back as an unpacked one,
 * and is disabled where that meets Chromium's check for those.
 */
function allowUnpacked(profile: string): void {
  const file = join(profile, "Default", "Preferences");
  if (existsSync(file)) return;
  mkdirSync(join(profile, "Default"), { recursive: true });
  writeFileSync(file, JSON.stringify({ extensions: { ui: { developer_mode: true } } }));
}

/** Where Chromium looks for policies. */
const SETTINGS = "/etc/chromium";

/** A program that starts this one in a mount namespace of its own, in which its settings are those of `folder`. */
function managed(program: string, { folder, values }: NonNullable<ChromiumOptions["policies"]>): string {
  const [settings, script] = [join(folder, "settings"), join(folder, "chromium.sh")];
  mkdirSync(join(settings, "policies", "managed"), { recursive: true });
  writeFileSync(join(settings, "policies", "managed", "policies.json"), JSON.stringify(values));
  const inside = `mount --bind '${settings}' ${SETTINGS} && exec '${program}' "$@"`;
  writeFileSync(
    script,
    `#!/bin/sh\nexec unshare --mount sh -c ${JSON.stringify(inside).replaceAll("$", "\\$")} sh "$@"\n`,
    { mode: 0o755 },
  );
  return script;
}
