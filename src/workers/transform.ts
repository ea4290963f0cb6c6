import type * as NodeCrypto from "node:crypto";
import { nodeOpenInto, nodeSealInto } from "../crypto/node-aead.js";
import type { Bytes } from "../formats/bytes.js";
import { TAG_LENGTH } from "../formats/constants.js";
import { chunkNonce } from "../stream/chunk.js";
import { CHUNK, SEALED_CHUNK } from "../stream/geometry.js";
import type { SpanDirection } from "../stream/spans.js";

/** Lengths of whole chunks before and after, and what a chunk's length changes by, in bytes. */
export const UNITS = {
  seal: { input: CHUNK, output: SEALED_CHUNK, added: TAG_LENGTH },
  open: { input: SEALED_CHUNK, output: CHUNK, added: -TAG_LENGTH },
} as const;

const TRANSFORMS = { seal: nodeSealInto, open: nodeOpenInto } as const;

/** Neighbouring chunks, and where they and their results are. */
export interface Run {
  readonly first: number;
  readonly chunks: number;
  /** The chunk at `index` of the run. */
  readonly unit: (index: number) => Uint8Array;
  /** Results stand here at intervals of their length. */
  readonly output: Uint8Array;
  /** Counts the chunks that are done. */
  done: number;
}

/** Of one message. */
export interface ChunkKey {
  readonly direction: SpanDirection;
  readonly key: Bytes;
  readonly baseNonce: Bytes;
}

/** @throws as the first chunk in order that fails; `run.done` says which. */
export function transformChunks(crypto: typeof NodeCrypto, message: ChunkKey, run: Run): void {
  const { direction, baseNonce } = message;
  const key = crypto.createSecretKey(message.key);
  const { output: interval } = UNITS[direction];
  const transform = TRANSFORMS[direction];
  const nonce = baseNonce.slice();
  for (; run.done < run.chunks; run.done++) {
    chunkNonce(baseNonce, run.first + run.done, nonce);
    transform(crypto, key, nonce, run.unit(run.done), run.output, run.done * interval);
  }
}
