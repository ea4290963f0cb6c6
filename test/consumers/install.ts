import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { CONSUMERS, INSTALLED, OUTPUT, ROOT, TARBALL } from "./paths.js";

/**
 * Packs the package and installs the tarball here, as a user would: what `files` leaves out and `exports` does not
 * name is missing. The other dependencies come from this folder's own lock file.
 */
export function setup(): void {
  if (!existsSync(`${ROOT}dist/index.js`)) throw new Error('dist is not built: run "npm run build" first');
  rmSync(OUTPUT, { recursive: true, force: true });
  mkdirSync(OUTPUT);
  npm(ROOT, "pack", "--pack-destination", OUTPUT);
  if (process.env.CI || !existsSync(`${CONSUMERS}node_modules/.package-lock.json`)) npm(CONSUMERS, "ci");
  rmSync(INSTALLED, { recursive: true, force: true });
  npm(CONSUMERS, "install", "--no-save", `${OUTPUT}${TARBALL}`);
}

function npm(folder: string, ...args: readonly string[]): void {
  execFileSync("npm", [...args, "--silent"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}
