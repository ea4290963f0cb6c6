import type * as Os from "node:os";
import type * as WorkerThreads from "node:worker_threads";
import { isNode } from "../crypto/node.js";
import { nodeBuiltin } from "../crypto/node-builtin.js";
import {
  authenticationFailed,
  BlindreelError,
  closedError,
  outOfRange,
  providerFault,
  wrongType,
} from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { type Checks, functionArgument, readOptions } from "../formats/options.js";
import { sourceFailed } from "../source/byte-source.js";
import { asyncDispose } from "../stream/operation.js";
import type { StreamWorkers } from "../stream/spans.js";
import { DONE, SPAN_BYTES, SPAN_TOPIC, type SpanAnswer, type SpanFailure, type SpanJob } from "./job.js";
import { MessageSpans } from "./message-spans.js";
import { UNITS } from "./transform.js";

/** What is used of a `Worker` of `node:worker_threads`. */
export interface StreamWorker {
  readonly threadId?: number;
  postMessage(message: unknown): void;
  terminate(): Promise<number>;
  ref(): void;
  unref(): void;
  // biome-ignore lint/suspicious/noExplicitAny: as Node's type has it.
  on(event: string, listener: (...values: any[]) => void): unknown;
}

/** Options of {@link createWorkers}. */
export interface WorkersOptions {
  /**
   * 1 to 64; by default one for each processor, at most four. The calling thread is one of them, except from one regular file
   * to another.
   */
  readonly threads?: number;
  /** For bundles: makes a worker of `node:worker_threads` that runs `blindreel/stream-worker`. */
  readonly createWorker?: () => StreamWorker;
}

const MAX_THREADS = 64;
/** Above, one thread that reads and writes is the limit. */
const DEFAULT_THREADS = 4;
/** Jobs in one thread's hands: the next is there before the last is answered, or seen to be done. */
const HANDS = 3;
/** MiB of a thread's young generation: its garbage is buffers of a chunk, which are only counted there. */
const YOUNG_GENERATION = 2;

const OPTIONS: Checks<WorkersOptions> = {
  threads(name, value) {
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_THREADS)
      return value as number;
    throw outOfRange(name, `an integer from 1 to ${MAX_THREADS}`, value);
  },
  createWorker: functionArgument,
};

/**
 * Worker threads that seal and open chunks for the option `workers` of `seal`, `open` and their streams. In Node, whose
 * cryptography holds the thread that calls it. One pool serves any number of calls at a time; it does not keep the
 * process alive while it is idle.
 *
 * @throws BlindreelError `unsupported-runtime` where there are no threads of Node's; TypeError, RangeError.
 * @category Everyone
 */
export function createWorkers(given?: WorkersOptions): StreamWorkers {
  const { threads, createWorker } = readOptions<WorkersOptions>("options", given, OPTIONS);
  const module = isNode() ? nodeBuiltin<typeof WorkerThreads>("node:worker_threads") : undefined;
  if (!module) {
    const operation = "worker threads of Node";
    throw new BlindreelError("unsupported-runtime", `this runtime has no ${operation}`, { operation });
  }
  const create = createWorker ?? (() => startWorker(module));
  return new WorkerPool(threads ?? defaultThreads(), create);
}

function startWorker({ Worker }: typeof WorkerThreads): StreamWorker {
  return new Worker(new URL("./stream-worker.js", import.meta.url), {
    // Flags of the process may be for its main script alone.
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION },
  });
}

function defaultThreads(): number {
  const os = nodeBuiltin<typeof Os>("node:os");
  return Math.min(DEFAULT_THREADS, os?.availableParallelism() ?? 1);
}

const METHODS = ["postMessage", "terminate", "ref", "unref", "on"] as const;

function checkWorker(worker: StreamWorker): void {
  if (METHODS.some((name) => typeof worker?.[name] !== "function"))
    throw wrongType("what createWorker returns", "a Worker of node:worker_threads", worker);
  // Node's mark: its messages go nowhere, and no event will say so.
  if (worker.threadId === -1) throw lostThread("it had ended before");
}

/** A job, and who waits for it. */
export interface Task {
  readonly job: SpanJob;
  /** Called once, when the span's buffer is the caller's again, with the length of its results in bytes. */
  settle(length: number, failure: Error | undefined): void;
}

/** A buffer for spans, with the word that says when one is done. */
export type SpanBuffer = Pick<SpanJob, "span" | "state">;

interface Thread {
  readonly worker: StreamWorker;
  readonly tasks: Task[];
  /** Answers that are still to come for tasks that were settled before. */
  early: number;
}

/** Threads that take spans in the order in which they come, started as they are needed, and the buffers of spans. */
export class WorkerPool implements StreamWorkers {
  readonly threads: number;
  readonly #create: () => StreamWorker;
  readonly #running: Thread[] = [];
  readonly #waiting: Task[] = [];
  readonly #spare: SpanBuffer[] = [];
  #failure: Error | undefined;
  /** Of all threads that were ended. */
  #ended: Promise<void> = Promise.resolve();

  constructor(threads: number, create: () => StreamWorker) {
    this.threads = threads;
    this.#create = create;
  }

  /** Spans worth having in flight: in hands, and one that waits for each thread. */
  get depth(): number {
    return this.threads * (HANDS + 1);
  }

  startSpans(
    direction: SpanJob["direction"],
    key: Bytes,
    baseNonce: Bytes,
    isFromFile = false,
  ): MessageSpans | undefined {
    if (this.#failure) throw this.#failure;
    if (this.threads === 1 && !isFromFile) return undefined;
    return new MessageSpans(this, direction, key, baseNonce);
  }

  /** Spans worth having on their way through a stream: those in hands, and what the calling thread does meanwhile. */
  get spansAhead(): number {
    return (this.threads + 1) * HANDS;
  }

  borrow(): SpanBuffer {
    const word = Int32Array.BYTES_PER_ELEMENT;
    const spare = this.#spare.pop();
    if (spare) return spare;
    const buffer = new SharedArrayBuffer(SPAN_BYTES + word);
    return { span: new Uint8Array(buffer, 0, SPAN_BYTES), state: new Int32Array(buffer, SPAN_BYTES, 1) };
  }

  /** Takes a buffer back, wiped. */
  giveBack(buffer: SpanBuffer): void {
    if (this.#spare.length < this.depth) this.#spare.push(buffer);
  }

  /**
   * Whether a thread would take a span at once: all but one, whose place is the calling thread's. Settles spans that are done,
   * without waiting for their answers.
   *
   * @throws the pool's failure.
   */
  hasRoom(): boolean {
    if (this.#failure) throw this.#failure;
    for (const thread of this.#running) this.#settleDone(thread);
    this.#dispatch();
    if (this.#waiting.length > 0) return false;
    const hands = HANDS * (this.threads - 1);
    return this.#running.reduce((left, { tasks }) => left - tasks.length, hands) > 0;
  }

  run(task: Task): void {
    Atomics.store(task.job.state, 0, 0);
    this.#waiting.push(task);
    this.#dispatch();
  }

  close(): Promise<void> {
    return this.#end(closedError("the pool of workers"));
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends all threads: what is under way fails. The first failure is the pool's. */
  #end(failure: Error): Promise<void> {
    this.#failure ??= failure;
    const threads = this.#running.splice(0);
    const tasks = [...threads.flatMap((thread) => thread.tasks.splice(0)), ...this.#waiting.splice(0)];
    const ends = threads.map(async ({ worker }) => void (await worker.terminate()));
    this.#ended = this.#settleEnded([this.#ended, ...ends], tasks, this.#failure);
    // Only `close` tells it.
    this.#ended.catch(() => {});
    return this.#ended;
  }

  async #settleEnded(ends: readonly Promise<void>[], tasks: readonly Task[], failure: Error): Promise<void> {
    const results = await Promise.allSettled(ends);
    for (const task of tasks) task.settle(0, failure);
    this.#spare.length = 0;
    for (const result of results) {
      if (result.status === "rejected") throw lostThread(`it does not end: ${result.reason?.message}`);
    }
  }

  #dispatch(): void {
    if (this.#failure) this.#end(this.#failure);
    while (this.#waiting.length > 0) {
      const thread = this.#freeThread(this.#waiting[0]!.job.files ? this.threads : this.threads - 1);
      if (!thread) return;
      const task = this.#waiting.shift()!;
      try {
        if (thread.tasks.push(task) === 1) thread.worker.ref();
        thread.worker.postMessage(task.job);
      } catch (error) {
        this.#end(lostThread((error as Error)?.message));
      }
    }
  }

  /** Of the first `limit` threads an idle one, else a new one, else the one with the fewest tasks, unless its hands are full. */
  #freeThread(limit: number): Thread | undefined {
    const [least] = this.#running
      .slice(0, limit)
      .sort((left, right) => left.tasks.length - right.tasks.length);
    if (least?.tasks.length !== 0 && this.#running.length < limit) return this.#start();
    return least!.tasks.length < HANDS ? least : undefined;
  }

  #start(): Thread | undefined {
    const lost = (how: string): void => void this.#end(lostThread(how));
    try {
      const worker = this.#create();
      checkWorker(worker);
      const thread: Thread = { worker, tasks: [], early: 0 };
      worker.on("message", (message: unknown) => this.#answered(thread, message));
      for (const event of ["error", "messageerror"])
        worker.on(event, (error: Error) => lost(String(error?.message)));
      worker.on("exit", () => lost("it ended"));
      worker.unref();
      this.#running.push(thread);
      return thread;
    } catch (error) {
      this.#end(error as Error);
      return undefined;
    }
  }

  #settleDone(thread: Thread): void {
    const { tasks, worker } = thread;
    while (tasks[0] && isDone(tasks[0])) {
      const task = tasks.shift()!;
      thread.early++;
      if (tasks.length === 0) worker.unref();
      task.settle(resultLength(task.job), undefined);
    }
  }

  /** What a worker's script says besides is no answer: taken for one, it would pass chunks that nobody sealed. */
  #answered(thread: Thread, message: unknown): void {
    const { topic, length, failure } = (message ?? {}) as Partial<SpanAnswer>;
    if (topic !== SPAN_TOPIC) return;
    if (thread.early > 0) return void thread.early--;
    const task = thread.tasks.shift();
    if (thread.tasks.length === 0) thread.worker.unref();
    if (task && isDone(task)) task.settle(resultLength(task.job), undefined);
    else task?.settle(length ?? 0, failure ? errorOf(failure) : lostThread("it has no result"));
    this.#dispatch();
  }
}

const isDone = ({ job }: Task): boolean => Atomics.load(job.state, 0) === DONE;

function resultLength({ direction, chunks, lastLength }: SpanJob): number {
  const { output, added } = UNITS[direction];
  return (chunks - 1) * output + lastLength + added;
}

function lostThread(how: string): BlindreelError {
  return providerFault(`a worker thread was lost: ${how}`);
}

function errorOf({ code, message, end, system }: SpanFailure): Error {
  if (system) return Object.assign(new Error(message), system);
  if (code === "authentication-failed") return authenticationFailed();
  if (code === "source-failed") return sourceFailed(`the file ends at byte ${end}, before its stated size`);
  return providerFault(`a worker thread failed: ${message}`);
}
