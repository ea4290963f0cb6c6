import { execFileSync, type StdioOptions } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, firefox, webkit } from "playwright";

/** Where the runtimes are that the tests run in: nothing here installs, see `setup-runtimes.ts`. */

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const NODES_FOLDER = `${ROOT}test/runtimes/nodes/`;

/** The oldest supported version, and the lines in long-term support. */
export const NODE_MAJORS = [20, 22, 24] as const;

/** A browser, and what can drive it. */
export interface BrowserFound {
  /** `system`: the distribution's own build. `playwright`: the build that Playwright downloads and drives. */
  readonly kind: "system" | "playwright";
  readonly path: string;
}

/** WebKitGTK: its test browser, the driver that starts it, and a display for it. */
export interface WebKitGtkFound extends BrowserFound {
  readonly kind: "system";
  readonly driver: string;
  readonly display: string;
}

/** The first of the names on the PATH. */
export function onPath(...names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A path given in the environment counts alone: where nothing is, that is the caller's mistake to hear of. */
function fromEnvironment(variable: string): string | undefined {
  const path = process.env[variable];
  if (path && !isExecutable(path)) throw new Error(`${variable}=${path} is not a program`);
  return path || undefined;
}

function system(path: string | undefined): BrowserFound | undefined {
  return path === undefined ? undefined : { kind: "system", path };
}

function downloaded(browser: typeof chromium): BrowserFound | undefined {
  const path = browser.executablePath();
  return path && existsSync(path) ? { kind: "playwright", path } : undefined;
}

/** `CHROME`, else one on the PATH, else Playwright's. */
export function findChromium(): BrowserFound | undefined {
  const path =
    fromEnvironment("CHROME") ??
    onPath("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");
  return system(path) ?? downloaded(chromium);
}

/** `FIREFOX`, else one on the PATH, else Playwright's. */
export function findFirefox(): BrowserFound | undefined {
  return system(fromEnvironment("FIREFOX") ?? onPath("firefox-esr", "firefox")) ?? downloaded(firefox);
}

/** `MINIBROWSER` with a WebKitWebDriver and xvfb-run on the PATH, else WebKitGTK's, else Playwright's WebKit. */
export function findWebKit(): WebKitGtkFound | BrowserFound | undefined {
  const driver = onPath("WebKitWebDriver");
  const display = onPath("xvfb-run");
  const path = fromEnvironment("MINIBROWSER") ?? miniBrowser();
  if (driver && display && path) return { kind: "system", path, driver, display };
  return downloaded(webkit);
}

/** The test browser is no program for users, so it is not on the PATH but in a folder of the library. */
function miniBrowser(): string | undefined {
  const libraries = ["libwebkit2gtk-4.1-0", "libwebkit2gtk-4.0-37", "libwebkitgtk-6.0-4"];
  return libraries.flatMap(filesOf).find((file) => file.endsWith("/MiniBrowser"));
}

function filesOf(debianPackage: string): string[] {
  return onPath("dpkg-query") ? (answer("dpkg-query", "-L", debianPackage) ?? "").split("\n") : [];
}

/** `DENO` or `BUN`, else the development dependency, else one on the PATH. */
export function findDeno(): string | undefined {
  return fromEnvironment("DENO") ?? working(`${ROOT}node_modules/.bin/deno`) ?? onPath("deno");
}

export function findBun(): string | undefined {
  return fromEnvironment("BUN") ?? working(`${ROOT}node_modules/.bin/bun`) ?? onPath("bun");
}

/** `NODE_20` and so on, else the version of `test/runtimes/nodes`, else the one that runs this. */
export function findNode(major: (typeof NODE_MAJORS)[number]): string | undefined {
  return (
    fromEnvironment(`NODE_${major}`) ??
    working(`${NODES_FOLDER}node_modules/node-${major}/bin/node`) ??
    (versionOf(process.execPath)?.startsWith(`v${major}.`) ? process.execPath : undefined)
  );
}

function working(path: string): string | undefined {
  return isExecutable(path) && versionOf(path) !== undefined ? path : undefined;
}

/** What a program answers to `--version`, its first line; `undefined` where it does not run. */
export function versionOf(path: string): string | undefined {
  return answer(path, "--version")?.split("\n")[0];
}

/** Of an installed Debian package. */
export function debianVersionOf(debianPackage: string): string | undefined {
  return onPath("dpkg-query") ? answer("dpkg-query", "-W", "-f", `$\{Version}`, debianPackage) : undefined;
}

function answer(program: string, ...args: readonly string[]): string | undefined {
  try {
    const quietly: StdioOptions = ["ignore", "pipe", "ignore"];
    return execFileSync(program, args, { encoding: "utf8", stdio: quietly, timeout: 30_000 }).trim();
  } catch {
    return undefined;
  }
}

/** SoftHSM's module, its tool, and OpenSC's. */
export interface Pkcs11Found {
  readonly module: string;
  readonly softhsm: string;
  readonly tool: string;
}

/** `PKCS11_MODULE` or SoftHSM's, with `softhsm2-util` and `pkcs11-tool` on the PATH. */
export function findPkcs11(): Pkcs11Found | undefined {
  const given = process.env.PKCS11_MODULE;
  const module = [
    given ?? "",
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
  ].find((path) => path !== "" && existsSync(path));
  const [softhsm, tool] = [onPath("softhsm2-util"), onPath("pkcs11-tool")];
  return module && softhsm && tool ? { module, softhsm, tool } : undefined;
}
