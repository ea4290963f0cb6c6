import { spawnSync } from "node:child_process";
import { installDebian } from "../helpers/debian.js";

/** A Python that can run `decoder.py`, or why there is none. */
export type Python = { readonly path: string } | { readonly missing: string };

const CANDIDATES = ["/usr/bin/python3", "python3"];
const PROBE = "import cryptography; assert int(cryptography.__version__.split('.')[0]) >= 38";

/**
 * Finds a Python 3 with the package `cryptography`. As root on Debian it installs Debian's package where none is
 * found, and says so. With `CI=true` a missing Python is an error; elsewhere the caller skips, loudly.
 */
export function ensurePython(): Python {
  const found = find();
  if (found) return { path: found };
  installDebian(["python3-cryptography"]);
  const installed = find();
  if (installed) return { path: installed };
  const missing = "no python3 with the package `cryptography` 38 or newer (on Debian: python3-cryptography)";
  if (process.env.CI) throw new Error(`the independent decoder cannot be tested: ${missing}`);
  console.warn(`\n*** SKIPPED, NOT TESTED: the independent decoder. There is ${missing}. ***\n`);
  return { missing };
}

function find(): string | undefined {
  return CANDIDATES.find((path) => spawnSync(path, ["-c", PROBE], { stdio: "ignore" }).status === 0);
}
