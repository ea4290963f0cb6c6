import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const CONSUMERS = fileURLToPath(new URL("./", import.meta.url));
/** The package as npm unpacked it, and not a link to this repository. */
export const INSTALLED = `${CONSUMERS}node_modules/blindreel/`;
/** What builds here write. */
export const OUTPUT = `${CONSUMERS}.cache/`;

export const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as {
  readonly version: string;
  readonly engines: { readonly node: string };
};

/** What `npm pack` calls the package, in {@link OUTPUT}. */
export const TARBALL = `blindreel-${manifest.version}.tgz`;
