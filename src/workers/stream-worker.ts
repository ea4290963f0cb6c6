/**
 * `blindreel/stream-worker`: the script of a worker thread of `blindreel/workers`, in Node.
 *
 * @module blindreel/stream-worker
 * @category Everyone
 */
import type * as NodeCrypto from "node:crypto";
import type * as WorkerThreads from "node:worker_threads";
import { nodeOpenInto, nodeSealInto } from "../crypto/node-aead.js";
import { nodeBuiltin } from "../crypto/node-builtin.js";
import { isBlindreelError } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { TAG_LENGTH } from "../formats/constants.js";
import { chunkNonce } from "../stream/chunk.js";
import { CHUNK, SEALED_CHUNK } from "../stream/geometry.js";
import type { SpanAnswer, SpanJob } from "./job.js";

const DIRECTIONS = {
  seal: { transform: nodeSealInto, input: CHUNK, output: SEALED_CHUNK, added: TAG_LENGTH },
  open: { transform: nodeOpenInto, input: SEALED_CHUNK, output: CHUNK, added: -TAG_LENGTH },
} as const;

/** In place, no chunk's result reaches the next chunk: results stand at the same intervals or closer. */
function transformSpan(crypto: typeof NodeCrypto, job: SpanJob): SpanAnswer {
  const { baseNonce, chunks, first, isInPlace, lastLength, span } = job;
  const { transform, input, output: interval, added } = DIRECTIONS[job.direction];
  const length = (chunks - 1) * interval + lastLength + added;
  const output = isInPlace ? undefined : new Uint8Array(Math.max(0, length));
  const key = job.key.slice() as Bytes;
  const nonce = baseNonce.slice();
  let done = 0;
  try {
    for (; done < chunks; done++) {
      const from = done * SEALED_CHUNK;
      const unit = span.subarray(from, from + (done < chunks - 1 ? input : lastLength));
      transform(
        crypto,
        key,
        chunkNonce(baseNonce, first + done, nonce),
        unit,
        output ?? span,
        done * interval,
      );
    }
    return { output, length };
  } catch (error) {
    const isAltered = isBlindreelError(error) && error.code === "authentication-failed";
    const code = isAltered ? "authentication-failed" : "provider-fault";
    const failure = { code, message: String(error) } as const;
    return { output: output?.slice(0, done * interval), length: done * interval, failure };
  } finally {
    wipe(key);
  }
}

const builtin = nodeBuiltin<typeof NodeCrypto>("node:crypto");
const port = nodeBuiltin<typeof WorkerThreads>("node:worker_threads")?.parentPort;

// The main thread has no port: there the module does nothing.
port?.on("message", (job: SpanJob) => {
  const answer = transformSpan(builtin!, job);
  port.postMessage(answer, answer.output ? [answer.output.buffer] : []);
});
