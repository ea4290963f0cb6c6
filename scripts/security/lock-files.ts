import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ParseLockfile, ValidateHost, ValidateHttps, ValidateIntegrity } from "lockfile-lint-api";
import { ROOT } from "../runtimes.js";
import { type Check, checkOf } from "./check.js";

export const LOCK_FILES = [
  "package-lock.json",
  "test/consumers/package-lock.json",
  "test/runtimes/nodes/package-lock.json",
] as const;

/** npm's own registry, whichever mirror a machine may use. */
const HOSTS = ["registry.npmjs.org"];

interface LockedPackage {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly bundled?: boolean;
  readonly inBundle?: boolean;
}

/** Every package comes over https from npm's registry, and has the hash of what was first installed. */
export function checkLockFiles(paths: readonly string[] = LOCK_FILES.map((name) => join(ROOT, name))): Check {
  const findings: string[] = [];
  let count = 0;
  for (const path of paths) {
    const parsed = new ParseLockfile({ lockfilePath: path, lockfileType: "npm" }).parseSync();
    const packages = { packages: parsed.object };
    const results = [
      new ValidateHost(packages).validate(HOSTS),
      new ValidateHttps(packages).validate(),
      new ValidateIntegrity(packages).validate(),
    ];
    for (const { errors } of results) findings.push(...errors.map(({ message }) => `${path}: ${message}`));
    for (const [place, entry] of Object.entries(packagesOf(path))) {
      count++;
      findings.push(...faultsOf(entry).map((fault) => `${path}: ${place} ${fault}`));
    }
  }
  return checkOf("lock files", findings, `${count} packages in ${paths.length} files`);
}

/** What the library passes over: entries without a hash or with another address than a URL. */
function faultsOf({ resolved, integrity }: LockedPackage): string[] {
  return [
    ...(integrity === undefined ? ["has no integrity"] : []),
    ...(resolved !== undefined && !URL.canParse(resolved) ? [`comes from ${resolved}`] : []),
  ];
}

/** Packages from a registry: no workspaces, and nothing that came inside another package. */
function packagesOf(path: string): Record<string, LockedPackage> {
  const { packages } = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, LockedPackage> };
  return Object.fromEntries(
    Object.entries(packages).filter(
      ([place, { link, inBundle }]) => /(^|\/)node_modules\//.test(place) && !link && !inBundle,
    ),
  );
}
