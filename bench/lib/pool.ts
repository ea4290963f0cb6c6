import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { buildSync } from "esbuild";
import type { Sink } from "../peers/peer.js";

const WORKER = fileURLToPath(new URL("./pool-worker.ts", import.meta.url));
/** Buffers with each worker: one in its hands and one on its way. */
const AHEAD = 2;

/** An experiment: worker threads that share one direction of a stream, buffer by buffer. */
export class Pool {
  readonly #workers: readonly Worker[];
  readonly #bytesPerChunk: number;

  constructor(verb: "seal" | "open", size: number, key: Uint8Array) {
    this.#bytesPerChunk = verb === "seal" ? 16 * 1024 : 16 * 1024 + 16;
    // Bundled, because Node 20 loads no TypeScript in a worker, whatever it was told to import.
    const format = { bundle: true, platform: "node", format: "cjs", write: false } as const;
    const [code] = buildSync({ entryPoints: [WORKER], ...format }).outputFiles;
    const options = { eval: true, workerData: { key, verb } };
    this.#workers = Array.from({ length: size }, () => new Worker(code!.text, options));
  }

  /** `pieces` are whole chunks and change hands: workers take turns, so that results come in order. */
  async run(pieces: AsyncIterable<Uint8Array<ArrayBuffer>>, sink: Sink): Promise<void> {
    const pending: Promise<Uint8Array>[] = [];
    let first = 0;
    let turn = 0;
    for await (const bytes of pieces) {
      const worker = this.#workers[turn++ % this.#workers.length]!;
      const chunks = bytes.length / this.#bytesPerChunk;
      pending.push(answerOf(worker));
      worker.postMessage({ first, bytes }, [bytes.buffer]);
      first += chunks;
      if (pending.length >= AHEAD * this.#workers.length) sink(await pending.shift()!);
    }
    for (const answer of pending) sink(await answer);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

/** A worker answers in the order in which it was asked, and so do these. */
const queues = new WeakMap<Worker, ((answer: Uint8Array) => void)[]>();

function answerOf(worker: Worker): Promise<Uint8Array> {
  let queue = queues.get(worker);
  if (!queue) {
    const waiting: ((answer: Uint8Array) => void)[] = [];
    queue = waiting;
    queues.set(worker, waiting);
    worker.on("message", (answer: Uint8Array) => waiting.shift()!(answer));
  }
  const added = queue;
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    added.push((answer) => {
      worker.off("error", reject);
      resolve(answer);
    });
  });
}
