import { generateIdentity, openFrom, openStream, sealFrom, sealStream } from "blindreel";
import type { CryptoProvider } from "blindreel/crypto";
import { createOpener, createSealer, type PushStream, type StreamKey } from "blindreel/stream";
import type { Contender } from "./measure.js";
import { collect, drain, expectBytes, join, recut, repeat, streamOf } from "./streams.js";

/** The three forms of a stream as contenders, in every runtime alike. */

export const PULL = "pull";
export const TRANSFORM = "transform";
export const PUSH = "push";
/** The caller detaches what it has used, so that the next answer finds warm memory. */
export const PUSH_BACK = "push, answers given back";

export interface Workload {
  readonly piece: Uint8Array;
  readonly count: number;
  /** Other than the runtime's own. */
  readonly crypto?: CryptoProvider;
}

const totalOf = ({ piece, count }: Workload): number => piece.length * count;

const newStreamKey = (): StreamKey => ({
  key: crypto.getRandomValues(new Uint8Array(32)),
  context: new Uint8Array(0),
});

/** One hot piece, again and again. */
export async function sealingForms(workload: Workload): Promise<Contender[]> {
  const { piece, count, crypto } = workload;
  const total = totalOf(workload);
  const { recipient: to } = await generateIdentity();
  const options = { to, ...(crypto ? { crypto } : {}) };
  const streamKey = newStreamKey();
  return [
    { name: PULL, run: () => expectBytes(drain(sealFrom(repeat(piece, count), options)), total) },
    {
      name: TRANSFORM,
      run: () => expectBytes(drain(repeat(piece, count).pipeThrough(sealStream(options))), total),
    },
    ...[PUSH, PUSH_BACK].map((name) => ({
      name,
      run: async () => {
        const sealer = await createSealer(streamKey, crypto ? { crypto } : {});
        const pieces = Array.from({ length: count }, () => piece);
        await expectBytes(pushAll(sealer, pieces, name === PUSH_BACK), total);
      },
    })),
  ];
}

/** Walks through memory, as reading a file does. */
export async function openingForms(workload: Workload): Promise<Contender[]> {
  const { piece, count, crypto } = workload;
  const total = totalOf(workload);
  const identities = await generateIdentity();
  const file = await collect(sealFrom(repeat(piece, count), { to: identities.recipient }));
  const sealed = recut(file, piece.length);
  const options = { identities, ...(crypto ? { crypto } : {}) };
  return [
    { name: PULL, run: () => expectBytes(drain(openFrom(streamOf(sealed), options)), total) },
    {
      name: TRANSFORM,
      run: () => expectBytes(drain(streamOf(sealed).pipeThrough(openStream(options))), total),
    },
  ];
}

export async function pushOpening(workload: Workload): Promise<Contender[]> {
  const { piece, count, crypto } = workload;
  const streamKey = newStreamKey();
  const sealer = await createSealer(streamKey);
  const parts: Uint8Array[] = [];
  for (let i = 0; i < count; i++) parts.push(await sealer.push(piece));
  parts.push(await sealer.finish());
  const sealed = recut([join(parts)], piece.length);
  return [PUSH, PUSH_BACK].map((name) => ({
    name,
    run: async () => {
      const opener = await createOpener(sealer.header, streamKey, crypto ? { crypto } : {});
      await expectBytes(pushAll(opener, sealed, name === PUSH_BACK), totalOf(workload));
    },
  }));
}

/** As a caller does that waits for what it needs to wait for, with a few pushes in flight. */
async function pushAll(
  stream: PushStream,
  pieces: readonly Uint8Array[],
  givesBack: boolean,
): Promise<number> {
  let bytes = 0;
  const use = (chunks: Uint8Array): void => {
    bytes += chunks.length;
    // ES2024; without it the answer is left to the collector.
    if (givesBack) (chunks.buffer as { transfer?(length: number): unknown }).transfer?.(0);
  };
  const pending: Promise<Uint8Array>[] = [];
  for (const piece of pieces) {
    const chunks = stream.push(piece);
    if (!(chunks instanceof Promise)) use(chunks);
    else if (pending.push(chunks) > PUSHES_IN_FLIGHT) use(await pending.shift()!);
  }
  for (const chunks of pending) use(await chunks);
  return bytes + (await stream.finish()).length;
}

const PUSHES_IN_FLIGHT = 8;
