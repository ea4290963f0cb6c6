import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  debianVersionOf,
  findBun,
  findChromium,
  findDeno,
  findFirefox,
  findNode,
  findPkcs11,
  findWebKit,
  NODE_MAJORS,
  NODES_FOLDER,
  onPath,
  ROOT,
  versionOf,
} from "./runtimes.js";

/**
 * `npm run setup`: finds the runtimes, browsers and tools that the tests need, installs what is missing, and says what it
 * does. Ends with an error when something is still missing and `CI` is set; elsewhere it says so and goes on.
 *
 * `--check` installs nothing.
 */

interface Runtime {
  readonly name: string;
  /** The program's path; asked again after installing. */
  find(): string | undefined;
  /** Debian packages that bring it. */
  readonly debian?: readonly string[];
  /** Playwright's name for its own build. */
  readonly playwright?: string;
  readonly npm?: "root" | "nodes";
  /** What tells its version, where that is another program. */
  version?(): string | undefined;
}

const runtimes: readonly Runtime[] = [
  ...NODE_MAJORS.map(
    (major): Runtime => ({ name: `Node ${major}`, find: () => findNode(major), npm: "nodes" }),
  ),
  { name: "Deno", find: findDeno, npm: "root" },
  { name: "Bun", find: findBun, npm: "root" },
  { name: "Chromium", find: () => findChromium()?.path, debian: ["chromium"], playwright: "chromium" },
  { name: "Firefox", find: () => findFirefox()?.path, debian: ["firefox-esr"], playwright: "firefox" },
  {
    name: "WebKit",
    find: () => findWebKit()?.path,
    version: () => debianVersionOf("webkit2gtk-driver"),
    debian: ["webkit2gtk-driver", "xvfb", "xauth", "gstreamer1.0-plugins-bad", "gstreamer1.0-libav"],
    playwright: "webkit",
  },
  { name: "openssl", find: () => onPath("openssl"), version: () => undefined, debian: ["openssl"] },
  {
    name: "certutil",
    find: () => onPath("certutil"),
    version: () => debianVersionOf("libnss3-tools"),
    debian: ["libnss3-tools"],
  },
  {
    name: "PKCS#11",
    find: () => findPkcs11()?.module,
    version: () => debianVersionOf("softhsm2"),
    debian: ["softhsm2", "opensc"],
  },
];

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Runs a program, its output shown; a failure is said and the rest goes on: what is missing is reported at the end. */
function run(program: string, args: readonly string[], cwd = ROOT): void {
  say(`$ ${[program, ...args].join(" ")}`);
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    execFileSync(program, args, { cwd, env, stdio: ["ignore", "ignore", "inherit"] });
  } catch (error) {
    say(`  failed: ${(error as Error).message.split("\n")[0]}`);
  }
}

/** Debian's packages need root; everywhere else Playwright's own builds of browsers do, in the user's folder. */
function installFromDebian(missing: readonly Runtime[]): void {
  const packages = missing.flatMap(({ debian }) => debian ?? []);
  if (packages.length === 0) return;
  const isRootOnDebian = process.getuid?.() === 0 && onPath("apt-get") !== undefined;
  if (isRootOnDebian && existsSync("/etc/debian_version")) {
    run("apt-get", ["update", "-qq"]);
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages]);
    return;
  }
  const browsers = missing.flatMap(({ playwright }) => playwright ?? []);
  if (browsers.length > 0) run(process.execPath, ["node_modules/playwright/cli.js", "install", ...browsers]);
}

function installFromNpm(missing: readonly Runtime[]): void {
  if (missing.some(({ npm }) => npm === "root")) {
    say("Deno and Bun are development dependencies whose install scripts fetch them: npm rebuild");
    run("npm", ["rebuild", "deno", "bun"]);
  }
  if (!missing.some(({ npm }) => npm === "nodes")) return;
  if (process.platform === "linux" && process.arch === "x64") {
    run("npm", ["ci", "--ignore-scripts", "--silent"], NODES_FOLDER);
  } else {
    say("Other versions of Node are installed on Linux x64 only; elsewhere set NODE_20, NODE_22, NODE_24.");
  }
}

function stillMissing(): Runtime[] {
  return runtimes.filter(({ find }) => find() === undefined);
}

const missing = stillMissing();
if (missing.length > 0 && !process.argv.includes("--check")) {
  say(`Missing: ${missing.map(({ name }) => name).join(", ")}. Installing.`);
  installFromNpm(missing);
  installFromDebian(missing);
}
for (const { name, find, version } of runtimes) {
  const path = find();
  const line = path ? `${path}  ${(version ? version() : versionOf(path)) ?? ""}` : "MISSING";
  say(`${name.padEnd(9)} ${line}`);
}
const absent = stillMissing().map(({ name }) => name);
if (absent.length > 0) {
  say(`\nNOT TESTED here, because missing: ${absent.join(", ")}.`);
  if (process.env.CI) process.exitCode = 1;
}
