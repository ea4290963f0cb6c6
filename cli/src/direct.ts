import { fstatSync } from "node:fs";
import { Worker } from "node:worker_threads";
import {
  type EnvelopeInfo,
  isBlindreelError,
  type OpenOptions,
  type Progress,
  type SealedInfo,
  type SealFileOptions,
} from "blindreel";
import { createWorkers, openRegularFile, type StreamWorkers, sealRegularFile } from "blindreel/workers";
import { inputUnreadable, outputFault } from "./cli-error.js";
import type { Input } from "./input.js";
import type { Sink } from "./sink.js";

/** Sealing and opening from one regular file to another by threads that read and write at positions. */

/** What opened content is written by, once its output is known. */
export interface DirectContent {
  readonly info: EnvelopeInfo;
  fill(sink: Sink): Promise<void>;
  cancel(): Promise<void>;
}

type OnProgress = (progress: Progress) => void;

/** @throws as `sealFrom` for options, synchronously; CliError `input-changed`, `input-unreadable`, `disk-full`, `output-unwritable`. */
export function sealDirect(
  input: Input,
  sink: Sink,
  threads: number,
  options: SealFileOptions & { readonly onProgress: OnProgress },
): Promise<SealedInfo> {
  const workers = startWorkers(threads);
  const onProgress = reporting(sink, options.onProgress);
  const ends = { ...inputOf(input), output: () => sink.file!.descriptor };
  return passed(input, sink, workers, sealRegularFile(ends, { ...options, onProgress, workers }));
}

/** @throws as `openFrom`, until the head is authenticated; `fill` as {@link sealDirect}. */
export async function openDirect(
  input: Input,
  threads: number,
  options: OpenOptions & { readonly onProgress: OnProgress },
): Promise<DirectContent> {
  const workers = startWorkers(threads);
  let sink: Sink | undefined;
  let choose!: (chosen: Sink) => void;
  let cancel!: (reason: unknown) => void;
  const chosen = new Promise<Sink>((resolve, reject) => {
    choose = resolve;
    cancel = reject;
  });
  chosen.catch(() => {});
  let running!: Promise<EnvelopeInfo>;
  const info = await new Promise<EnvelopeInfo>((announce, fail) => {
    const output = async (unlocked: EnvelopeInfo) => {
      announce(unlocked);
      return (await chosen).file!.descriptor;
    };
    const onProgress: OnProgress = (progress) => reporting(sink!, options.onProgress)(progress);
    running = openRegularFile({ ...inputOf(input), output }, { ...options, onProgress, workers });
    running.catch(fail);
  });
  return {
    info,
    async fill(to) {
      sink = to;
      choose(to);
      await passed(input, to, workers, running);
    },
    async cancel() {
      cancel(new Error("the content is not wanted"));
      await running.catch(() => {});
      await workers.close();
    },
  };
}

/** MiB of a thread's young generation: its garbage is buffers of a chunk, which are only counted there. */
const YOUNG_GENERATION = 2;

/** Threads that start while the head is made, and do not keep the process: as many as the system gives. */
function startWorkers(threads: number): StreamWorkers {
  const started: Worker[] = [];
  let refusal: unknown;
  try {
    while (started.length < threads) started.push(startWorker());
  } catch (error) {
    refusal = error;
  }
  const createWorker = () => {
    const worker = started.pop();
    if (worker) return worker;
    throw refusal;
  };
  return createWorkers({ threads: Math.max(1, started.length), createWorker });
}

function startWorker(): Worker {
  const worker = new Worker(new URL("./stream-worker.cjs", import.meta.url), {
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION },
  });
  worker.unref();
  return worker;
}

const inputOf = ({ file, size }: Input) => ({ input: file!.descriptor, size: size! });

const reporting =
  ({ file }: Sink, onProgress: OnProgress): OnProgress =>
  (progress) => {
    file!.reached(progress.bytes);
    onProgress(progress);
  };

/** The result, unless the input changed or the system failed. */
async function passed<T>(input: Input, sink: Sink, workers: StreamWorkers, running: Promise<T>): Promise<T> {
  try {
    const result = await running;
    input.file!.checkUnchanged();
    sink.file!.reached(fstatSync(sink.file!.descriptor).size);
    return result;
  } catch (error) {
    const { syscall } = error as NodeJS.ErrnoException;
    if (isBlindreelError(error) && error.code === "source-failed") {
      input.file!.checkUnchanged();
      throw inputUnreadable(input.name, error);
    }
    if (syscall === undefined) throw error;
    throw syscall === "read" ? inputUnreadable(input.name, error) : outputFault(sink.name, error);
  } finally {
    void workers.close();
  }
}
