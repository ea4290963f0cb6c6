import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Installs Debian's packages, as root on Debian; elsewhere it does nothing. A failure is said. */
export function installDebian(packages: readonly string[]): void {
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return;
  console.warn(`Installing Debian's packages: ${packages.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", ...packages]]) {
    const { status, stderr } = spawnSync("apt-get", args, { env, encoding: "utf8", timeout: 300_000 });
    if (status !== 0) console.warn(`apt-get ${args.join(" ")} failed:\n${stderr}`);
  }
}
