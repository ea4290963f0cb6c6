import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { findBun, findDeno, versionOf } from "../../scripts/runtimes.js";
import type { SuiteName } from "../portable/suites.js";
import { measureInBrowser } from "./browsers.js";
import type { Measured } from "./group.js";
import type { Row } from "./row.js";
import type { Scale } from "./scale.js";

/** Where a portable suite can run. */
export const HOST_NAMES = ["node", "deno", "bun", "chromium", "firefox", "webkit"] as const;
export type HostName = (typeof HOST_NAMES)[number];

const ENTRIES = ["browser", "command"].map((name) =>
  fileURLToPath(new URL(`../portable/${name}.ts`, import.meta.url)),
);
const run = promisify(execFile);

/**
 * Measures a suite in a runtime or browser of its own, from one bundle.
 *
 * @throws Error where the host is missing, and whatever the suite throws.
 */
export async function measureIn(host: HostName, suite: SuiteName, scale: Scale): Promise<Measured> {
  bundle ??= makeBundle();
  const folder = await bundle;
  if (host === "chromium" || host === "firefox" || host === "webkit") {
    return measureInBrowser(host, folder, suite, scale);
  }
  const { program, flags, name } = commandOf(host);
  const args = [...flags, join(folder, "command.js"), suite, scale.name];
  const { stdout } = await run(program, args, { maxBuffer: 2 ** 26 });
  return { rows: JSON.parse(stdout) as Row[], runtime: name };
}

let bundle: Promise<string> | undefined;

/** @returns a folder that is gone when the process is. */
async function makeBundle(): Promise<string> {
  const outdir = mkdtempSync(join(tmpdir(), "blindreel-bench-"));
  process.once("exit", () => rmSync(outdir, { recursive: true, force: true }));
  const options = { bundle: true, splitting: true, format: "esm", platform: "browser" } as const;
  await build({ ...options, entryPoints: ENTRIES, target: "es2022", outdir, logLevel: "error" });
  return outdir;
}

interface Command {
  readonly program: string;
  readonly flags: readonly string[];
  readonly name: string;
}

function commandOf(host: "node" | "deno" | "bun"): Command {
  if (host === "node") return { program: process.execPath, flags: [], name: `Node ${process.versions.node}` };
  const program = host === "deno" ? findDeno() : findBun();
  if (!program) throw new Error(`${host} is missing: npm run setup`);
  const version = /\d+\.\d+\.\d+/.exec(versionOf(program) ?? "")?.[0];
  if (host === "bun") return { program, flags: ["run"], name: `Bun ${version}` };
  return { program, flags: ["run", "--quiet", "--no-config", "--no-remote"], name: `Deno ${version}` };
}
