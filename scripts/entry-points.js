import { readFileSync } from "node:fs";

/**
 * The package's entry points, read from `exports` in package.json: the one list of them. In JavaScript, for the
 * configurations that Node loads itself (TypeDoc's).
 *
 * @typedef {object} EntryPoint
 * @property {string} specifier what users import: `blindreel/review`
 * @property {string} source relative to the root: `src/review/index.ts`
 * @property {string} name below `dist`, without its ending: `review/index`
 */

/** @type {{ readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>> }} */
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** @type {readonly EntryPoint[]} */
export const entryPoints = Object.entries(manifest.exports).flatMap(([path, target]) => {
  if (typeof target === "string") return [];
  const name = /^\.\/dist\/(.+)\.js$/.exec(target.default)?.[1];
  if (name === undefined || target.types !== `./dist/${name}.d.ts`)
    throw new Error(`${path} is not built here`);
  return [{ specifier: path.replace(/^\./, "blindreel"), source: `src/${name}.ts`, name }];
});
