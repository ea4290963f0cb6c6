import type { CryptoProvider } from "../../src/crypto/provider.js";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { bytesSource } from "../../src/source/bytes.js";
import type { StreamKey } from "../../src/stream/derive.js";
import { createOpener } from "../../src/stream/open.js";
import type { PushStream } from "../../src/stream/push.js";
import { openRandomAccess } from "../../src/stream/random-access.js";
import { createSealer } from "../../src/stream/seal.js";
import { cut, drain } from "../helpers/bytes.js";
import { readableOf } from "../helpers/readable.js";
import { forms } from "./threaded.js";

const { openBytes, openReadable, openTransform, sealBytes, sealReadable, sealTransform } = forms;

/** What came out of a form before it ended, and the error where it failed. */
export interface Outcome {
  readonly released: Bytes;
  readonly failed: boolean;
  readonly error: unknown;
}

/** One way through the stream API, in either direction: whole, pulled, piped or pushed. */
export type Form = (input: Bytes, streamKey: StreamKey, crypto: CryptoProvider) => Promise<Outcome>;

const ODD_SIZES = [1, 16383, 2, 16384, 16385, 16400, 7, 16401, 40000, 55, 100_001];

async function settle(action: () => Promise<Bytes>): Promise<Outcome> {
  try {
    return { released: await action(), failed: false, error: undefined };
  } catch (error) {
    return { released: new Uint8Array(0), failed: true, error };
  }
}

/** Arguments are refused by the call itself, everything else by the stream: one outcome for both. */
async function drained(start: () => ReadableStream<Bytes>): Promise<Outcome> {
  try {
    return await drain(start());
  } catch (error) {
    return { released: new Uint8Array(0), failed: true, error };
  }
}

async function pushed(start: () => Promise<PushStream>, pieces: Iterable<Bytes>): Promise<Outcome> {
  const parts: Bytes[] = [];
  try {
    const stream = await start();
    parts.push(stream.header);
    for (const piece of pieces) {
      const chunks = stream.push(piece);
      piece.fill(0xaa); // Consumed before the call returned, so this must not show.
      parts.push(await chunks);
    }
    parts.push(await stream.finish());
    return { released: concatBytes(...parts), failed: false, error: undefined };
  } catch (error) {
    return { released: concatBytes(...parts), failed: true, error };
  }
}

export const sealForms: Readonly<Record<string, Form>> = {
  sealBytes: (input, key, crypto) => settle(() => sealBytes(input, key, { crypto })),
  "sealReadable, odd pieces": (input, key, crypto) =>
    drained(() => sealReadable(cut(input, ...ODD_SIZES), key, { crypto })),
  "sealReadable, a stream": (input, key, crypto) =>
    drained(() => sealReadable(readableOf(cut(input, 10_000)), key, { crypto })),
  "sealReadable, a Blob": (input, key, crypto) =>
    drained(() => sealReadable(new Blob([input]), key, { crypto })),
  sealTransform: (input, key, crypto) =>
    drained(() => readableOf(cut(input, ...ODD_SIZES)).pipeThrough(sealTransform(key, { crypto }))),
  createSealer: (input, key, crypto) => pushed(() => createSealer(key, { crypto }), cut(input, ...ODD_SIZES)),
};

/** Too slow for megabytes. */
export const sealByteByByte: Form = (input, key, crypto) =>
  drained(() => sealReadable(cut(input, 1), key, { crypto }));

export const openForms: Readonly<Record<string, Form>> = {
  "openReadable, one piece": (input, key, crypto) => drained(() => openReadable([input], key, { crypto })),
  "openReadable, odd pieces": (input, key, crypto) =>
    drained(() => openReadable(cut(input, ...ODD_SIZES), key, { crypto })),
  "openReadable, whole chunks": (input, key, crypto) =>
    drained(() => openReadable(cut(input, 56, 16400, 16400, 16400), key, { crypto })),
  openTransform: (input, key, crypto) =>
    drained(() => readableOf(cut(input, ...ODD_SIZES)).pipeThrough(openTransform(key, { crypto }))),
  createOpener: (input, key, crypto) =>
    pushed(
      () => createOpener(input.slice(0, 56), key, { crypto }),
      cut(input.slice(56) as Bytes, ...ODD_SIZES),
    ),
};

/** Too slow for megabytes. */
export const openByteByByte: Form = (input, key, crypto) =>
  drained(() => openReadable(cut(input, 1), key, { crypto }));

export const openWhole: Form = (input, key, crypto) => settle(() => openBytes(input, key, { crypto }));

/** Opens for random access, then reads everything. */
export async function openRandomly(
  input: Bytes,
  streamKey: StreamKey,
  crypto: CryptoProvider,
): Promise<{ opening: Outcome; size: number | undefined; read: Outcome | undefined }> {
  const plan = { streamKey, isPadded: false };
  try {
    const access = await openRandomAccess(bytesSource(input), 0, plan, { crypto });
    const read = await settle(() => access.read(0, access.size));
    return { opening: { released: read.released, failed: false, error: undefined }, size: access.size, read };
  } catch (error) {
    const released = new Uint8Array(0);
    return { opening: { released, failed: true, error }, size: undefined, read: undefined };
  }
}
