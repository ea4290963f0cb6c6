import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const CONSUMERS = fileURLToPath(new URL("./", import.meta.url));
/** The package as npm unpacked it, and not a link to this repository. */
export const INSTALLED = `${CONSUMERS}node_modules/blindreel/`;
/** What builds here write. */
export const OUTPUT = `${CONSUMERS}.cache/`;

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

export const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as Manifest;

/** Files of the package's entries, relative to its folder. */
export const entries: readonly { readonly types: string; readonly default: string }[] = Object.values(
  manifest.exports,
).flatMap((entry) => (typeof entry === "string" ? [] : [entry]));
