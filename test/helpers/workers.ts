import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { buildSync } from "esbuild";
import { createWorkers, type StreamWorker, type StreamWorkers } from "../../src/workers/index.js";

const entry = fileURLToPath(new URL("../../src/workers/stream-worker.ts", import.meta.url));
const bundled = buildSync({
  entryPoints: [entry],
  bundle: true,
  platform: "node",
  format: "cjs",
  write: false,
});
const [script] = bundled.outputFiles;

/** Of the source, which Node 20 loads in no worker as it is. */
export const startStreamWorker = (): StreamWorker => new Worker(script!.text, { eval: true });

export const threads = (count: number): StreamWorkers =>
  createWorkers({ threads: count, createWorker: startStreamWorker });
