import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { buildSync } from "esbuild";
import { createWorkers, type StreamWorker, type StreamWorkers } from "../../src/workers/index.js";
import type { SpanJob } from "../../src/workers/job.js";

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
export const startStreamWorker = (): StreamWorker => streamWorkerAfter("");

/** @param first what the script of a caller does before. */
export const streamWorkerAfter = (first: string): StreamWorker =>
  new Worker(`${first};${script!.text}`, { eval: true });

/** A worker whose jobs are noted, key and buffers included: as the sender sees them. */
export function observed(jobs: SpanJob[]): () => StreamWorker {
  return () => {
    const worker = startStreamWorker();
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (job: SpanJob) => {
      jobs.push(job);
      post(job);
    };
    return worker;
  };
}

/** Of keys and buffers: 0 once they are wiped. */
export const sum = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};

export const threads = (count: number): StreamWorkers =>
  createWorkers({ threads: count, createWorker: startStreamWorker });
