import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./runtimes.js";
import { checkAdvisories } from "./security/advisories.js";
import { checkLockFiles } from "./security/lock-files.js";
import { checkSbom, makeSbom, SBOM } from "./security/sbom.js";
import { checkSecrets } from "./security/secrets.js";

const MOST_LINES = 50;

/**
 * `npm run security`: lock files, secrets, bill of materials, advisories. Ends with 0 where all was checked and nothing
 * found, 1 where something was found, 2 where nothing was found but something could not be checked. With `--sbom`, writes
 * the bill of materials and checks nothing.
 */
async function main(): Promise<void> {
  if (process.argv.includes("--sbom")) return writeFileSync(join(ROOT, SBOM), makeSbom());
  const checks = [checkLockFiles(), await checkSecrets(), await checkSbom(), ...(await checkAdvisories())];
  for (const { name, outcome, lines } of checks) {
    const shown =
      lines.length > MOST_LINES
        ? [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more`]
        : lines;
    process.stdout.write(`${outcome.padEnd(11)} ${name}: ${shown.join("\n            ")}\n`);
  }
  const outcomes = new Set(checks.map(({ outcome }) => outcome));
  process.exitCode = outcomes.has("found") ? 1 : outcomes.has("not checked") ? 2 : 0;
}

main().catch((error) => {
  process.stdout.write(`${error.stack}\n`);
  process.exitCode = 1;
});
