import { spawnSync } from "node:child_process";
import { installDebian } from "../helpers/debian.js";

/** A Python that can run `decoder.py`, or why there is none. */
export type Python = { readonly path: string } | { readonly missing: string };

const CANDIDATES = ["/usr/bin/python3", "python3"];
/** Argon2id is in `cryptography` from 44 on, and in a package of its own. */
const PROBE = `
import cryptography, importlib.util
version = int(cryptography.__version__.split('.')[0])
assert version >= 44 or version >= 38 and importlib.util.find_spec("argon2")
`;

/**
 * Finds a Python 3 with the packages that the decoder needs. As root on Debian it installs Debian's where none is
 * found, and says so. With `CI=true` a missing Python is an error; elsewhere the caller skips, loudly.
 */
export function ensurePython(): Python {
  const found = find();
  if (found) return { path: found };
  installDebian(["python3-cryptography", "python3-argon2"]);
  const installed = find();
  if (installed) return { path: installed };
  const missing =
    "no python3 with `cryptography` 38 and `argon2-cffi` (on Debian: python3-cryptography, python3-argon2)";
  if (process.env.CI) throw new Error(`the independent decoder cannot be tested: ${missing}`);
  console.warn(`\n*** SKIPPED, NOT TESTED: the independent decoder. There is ${missing}. ***\n`);
  return { missing };
}

function find(): string | undefined {
  return CANDIDATES.find((path) => spawnSync(path, ["-c", PROBE], { stdio: "ignore" }).status === 0);
}
