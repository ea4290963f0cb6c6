import type { Contender } from "./measure.js";
import { collect, drain, expectBytes, join, recut, repeat, streamOf } from "./streams.js";

const CHUNK = 16 * 1024;
const TAG = 16;

export const PLAIN = "plain transform, one call in flight";

/** What anyone would write first: the same chunks and nonces through a `TransformStream` that awaits each call. */
function plainTransform(verb: "seal" | "open", key: CryptoKey, baseNonce: Uint8Array) {
  const unit = verb === "seal" ? CHUNK : CHUNK + TAG;
  const held = new Uint8Array(unit);
  let heldLength = 0;
  let index = 0;
  const call = async (chunk: BufferSource): Promise<Uint8Array> => {
    const iv = baseNonce.slice();
    const view = new DataView(iv.buffer);
    view.setUint32(8, view.getUint32(8) ^ index++);
    const { subtle } = crypto;
    const parameters = { name: "AES-GCM", iv };
    return new Uint8Array(await subtle[verb === "seal" ? "encrypt" : "decrypt"](parameters, key, chunk));
  };
  return new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array>({
    async transform(piece, controller) {
      let offset = 0;
      while (heldLength + piece.length - offset >= unit) {
        const end = offset + unit - heldLength;
        if (heldLength > 0) held.set(piece.subarray(offset, end), heldLength);
        controller.enqueue(await call(heldLength > 0 ? held : piece.subarray(offset, end)));
        heldLength = 0;
        offset = end;
      }
      held.set(piece.subarray(offset), heldLength);
      heldLength += piece.length - offset;
    },
    async flush(controller) {
      controller.enqueue(await call(held.subarray(0, heldLength)));
    },
  });
}

/** Fed as the forms of a stream are: sealing one hot piece, opening through memory. */
export async function plainContender(
  verb: "seal" | "open",
  { piece, count }: { readonly piece: Uint8Array; readonly count: number },
): Promise<Contender> {
  const algorithm = { name: "AES-GCM", length: 256 };
  const key = await crypto.subtle.generateKey(algorithm, false, ["encrypt", "decrypt"]);
  const baseNonce = crypto.getRandomValues(new Uint8Array(12));
  const through = (source: ReadableStream<Uint8Array>, direction: "seal" | "open") =>
    source.pipeThrough(plainTransform(direction, key, baseNonce));
  const total = piece.length * count;
  const seal = () => through(repeat(piece, count), "seal");
  if (verb === "seal") return { name: PLAIN, run: () => expectBytes(drain(seal()), total) };
  const sealed = recut([join(await collect(seal()))], piece.length);
  return { name: PLAIN, run: () => expectBytes(drain(through(streamOf(sealed), "open")), total) };
}
