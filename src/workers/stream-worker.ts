/**
 * `blindreel/stream-worker`: the script of a worker thread of `blindreel/workers`, in Node.
 *
 * @module blindreel/stream-worker
 * @category Everyone
 */
import type * as NodeCrypto from "node:crypto";
import type * as NodeFs from "node:fs";
import type * as WorkerThreads from "node:worker_threads";
import { nodeBuiltin } from "../crypto/node-builtin.js";
import { isBlindreelError } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { TAG_LENGTH } from "../formats/constants.js";
import { CHUNK, chunkCount, SEALED_CHUNK } from "../stream/geometry.js";
import { checkZeros, writeLengthField } from "../stream/padding.js";
import { DONE, SPAN_TOPIC, type SpanAnswer, type SpanFailure, type SpanJob } from "./job.js";
import { type Run, transformChunks, UNITS } from "./transform.js";

type Outcome = typeof DONE | Pick<SpanAnswer, "length" | "failure">;

function transform(crypto: typeof NodeCrypto, job: SpanJob, run: Run): void {
  const key = job.key.slice() as Bytes;
  try {
    transformChunks(crypto, { ...job, key }, run);
  } finally {
    wipe(key);
  }
}

/** In place, no chunk's result reaches the next chunk: results stand at the same intervals or closer. */
function transformSpan(crypto: typeof NodeCrypto, job: SpanJob): Outcome {
  const { first, chunks, lastLength, span } = job;
  const { input, output: interval } = UNITS[job.direction];
  const unit = (index: number) => {
    const from = index * SEALED_CHUNK;
    return span.subarray(from, from + (index < chunks - 1 ? input : lastLength));
  };
  const run: Run = { first, chunks, unit, output: span, done: 0 };
  try {
    transform(crypto, job, run);
    return DONE;
  } catch (error) {
    return { length: run.done * interval, failure: failureOf(error) };
  }
}

/**
 * Reads chunks, transforms them in one buffer and writes them. Sealing, they stand at the buffer's end, so that no result
 * reaches the next chunk.
 */
function transformFiles(crypto: typeof NodeCrypto, fs: typeof NodeFs, job: SpanJob): Outcome {
  const { chunks, direction, first, lastLength } = job;
  const span = job.span as Uint8Array as Bytes;
  const { input, output, inputAt, outputAt, content, total } = job.files!;
  const { input: inputUnit, output: outputUnit, added } = UNITS[direction];
  const inputLength = (chunks - 1) * inputUnit + lastLength;
  const outputLength = (chunks - 1) * outputUnit + lastLength + added;
  const units = span.subarray(direction === "seal" ? chunks * TAG_LENGTH : 0).subarray(0, inputLength);
  const results = span.subarray(0, outputLength);
  /** Of this span, without padding. */
  const contentLength = Math.max(0, Math.min(content - first * CHUNK, chunks * CHUNK));
  const unit = (index: number) => units.subarray(index * inputUnit, (index + 1) * inputUnit);
  try {
    const room = direction === "seal" ? units.subarray(0, contentLength) : units;
    const position = inputAt + first * inputUnit;
    const end = readAll(fs, input, room, position);
    if (end < position + room.length)
      return { length: 0, failure: { code: "source-failed", message: "", end } };
    units.fill(0, room.length);
    if (direction === "seal" && content < total && first + chunks === chunkCount(total))
      writeLengthField(units, content);
    transform(crypto, job, { first, chunks, unit, output: span, done: 0 });
    if (direction === "open" && content < total) checkZeros(results, first * CHUNK, content, total);
    const written = direction === "seal" ? results : results.subarray(0, contentLength);
    writeAll(fs, output, written, outputAt + first * outputUnit);
    return DONE;
  } catch (error) {
    return { length: 0, failure: failureOf(error) };
  }
}

/** @returns the position behind what was read: before the end of `bytes` only where the file ends. */
function readAll(fs: typeof NodeFs, file: number, bytes: Uint8Array, position: number): number {
  for (let done = 0; done < bytes.length; ) {
    const read = fs.readSync(file, bytes, done, bytes.length - done, position + done);
    if (read === 0) return position + done;
    done += read;
  }
  return position + bytes.length;
}

/** No write crosses a multiple of this: ext4 takes folios as large as a write, and large ones are slow to fill at times (docs/decisions/workers.md). */
const WRITE = 64 * 1024;

function writeAll(fs: typeof NodeFs, file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const at = position + done;
    done += fs.writeSync(file, bytes, done, Math.min(WRITE - (at % WRITE), bytes.length - done), at);
  }
}

function failureOf(error: unknown): SpanFailure {
  if (isBlindreelError(error) && error.code === "authentication-failed")
    return { code: error.code, message: error.message };
  const { code, syscall } = error as NodeJS.ErrnoException;
  const message = String((error as Error).message);
  if (syscall === undefined) return { code: "provider-fault", message: String(error) };
  return { code: "provider-fault", message, system: { code, syscall } };
}

const cryptoModule = nodeBuiltin<typeof NodeCrypto>("node:crypto")!;
const fsModule = nodeBuiltin<typeof NodeFs>("node:fs")!;
const port = nodeBuiltin<typeof WorkerThreads>("node:worker_threads")?.parentPort;

// The main thread has no port: there the module does nothing.
port?.on("message", (job: SpanJob) => {
  const outcome = job.files ? transformFiles(cryptoModule, fsModule, job) : transformSpan(cryptoModule, job);
  if (outcome === DONE) Atomics.store(job.state, 0, DONE);
  const answer = outcome === DONE ? { length: 0 } : outcome;
  port.postMessage({ topic: SPAN_TOPIC, ...answer } satisfies SpanAnswer);
});
