import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One test file after the other: apt-get gives up where another one runs. */
const LOCK = join(tmpdir(), "blindreel-apt.lock");
const APT_GET = ["apt-get", "-o", "DPkg::Lock::Timeout=120"];

/** Installs Debian's packages, as root on Debian; elsewhere it does nothing. A failure is said. */
export function installDebian(packages: readonly string[]): void {
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return;
  console.warn(`Installing Debian's packages: ${packages.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", ...packages]]) {
    const options = { env, encoding: "utf8", timeout: 300_000 } as const;
    const { status, stderr } = spawnSync("flock", [LOCK, ...APT_GET, ...args], options);
    if (status !== 0) console.warn(`apt-get ${args.join(" ")} failed:\n${stderr}`);
  }
}
