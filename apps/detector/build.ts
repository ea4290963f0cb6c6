import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Whoever has a copy of the worker has these with it. */
function notices(): string {
  const path = createRequire(import.meta.url).resolve("@vladmandic/face-api/LICENSE");
  const tensorflow =
    "TensorFlow.js, Copyright Google LLC, Apache-2.0: https://www.apache.org/licenses/LICENSE-2.0";
  return `/*!\n@vladmandic/face-api, and its model:\n${readFileSync(path, "utf8").trim()}\n\n${tensorflow}\n*/`;
}

/** `npm run build`: the worker, with its model in it, as one classic script. */
export async function buildWorker(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL("src/worker.ts", import.meta.url))],
    outfile,
    bundle: true,
    minify: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    loader: { ".bin": "binary" },
    // A part of TensorFlow.js tries WebAssembly out and goes on without it: without this, at the cost of a violation.
    define: { WebAssembly: "undefined" },
    banner: { js: notices() },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildWorker(fileURLToPath(new URL("dist/worker.js", import.meta.url)));
}
