import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const BUILT = fileURLToPath(new URL("../.built/", import.meta.url));

/**
 * The suite for the command-line runtimes, one file for each runner, in JavaScript that Node 20 reads. `blindreel` is
 * left to the runtime, which finds the built package by its exports map.
 */
export async function buildHosts(): Promise<void> {
  const folder = fileURLToPath(new URL("./", import.meta.url));
  await build({
    entryPoints: ["node.test.ts", "deno.test.ts", "bun.test.ts"].map((name) => folder + name),
    outdir: BUILT,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    external: ["blindreel", "blindreel/*", "node:test", "bun:test"],
  });
}
