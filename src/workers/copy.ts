import type * as NodeBuffer from "node:buffer";
import { nodeBuiltin } from "../crypto/node-builtin.js";
import type { Bytes } from "../formats/bytes.js";

let buffers: typeof NodeBuffer.Buffer | undefined;

function nodeBuffer(): typeof NodeBuffer.Buffer {
  buffers ??= nodeBuiltin<typeof NodeBuffer>("node:buffer")!.Buffer;
  return buffers;
}

/**
 * Copies `source` to the beginning of `target`, where one of them is shared. By `Buffer`, which copies as `memcpy` does: V8's
 * `set` copies shared memory word by word, and where the two are not aligned alike byte by byte, in eight times the time.
 */
export function copyShared(target: Uint8Array, source: Uint8Array): void {
  // `fill` refuses an empty value.
  if (source.length > 0) nodeBuffer().prototype.fill.call(target, source, 0, source.length);
}

const ZEROS = /* @__PURE__ */ new Uint8Array(4096);

/** As {@link copyShared}, a tenth of the time of V8's `fill`. */
export function wipeShared(target: Uint8Array): void {
  nodeBuffer().prototype.fill.call(target, ZEROS, 0, target.length);
}

/** Room for a result on memory of its own, not zeroed: every byte is written before anyone else sees it. */
export function unzeroed(length: number): Bytes {
  return new Uint8Array(nodeBuffer().allocUnsafeSlow(length).buffer as ArrayBuffer);
}
