import {
  generateIdentity,
  openFrom,
  openStream,
  type SealFileOptions,
  seal,
  sealFrom,
  sealStream,
} from "blindreel";
import {
  createOpener,
  createSealer,
  openReadable,
  openTransform,
  sealReadable,
  sealTransform,
} from "blindreel/stream";
import { type Bytes, collect, cut, join, pattern, readableOf } from "./bytes.js";
import { type Case, equal, sameBytes } from "./kit.js";

const LENGTH = 150_001;
const content = pattern(LENGTH);

/** Piece sizes that fall on, beside and across the borders of chunks and of the envelope. */
const CUTS: Readonly<Record<string, readonly number[]>> = {
  "one piece": [LENGTH * 2],
  "64 KiB": [65_536],
  "4 KiB": [4096],
  "whole chunks": [16_384],
  "sealed chunks": [16_400],
  odd: [1, 16_383, 2, 16_384, 16_385, 16_400, 7, 16_401, 40_000, 55],
};

async function* asyncPieces(pieces: Iterable<Bytes>): AsyncGenerator<Bytes> {
  for (const piece of pieces) yield piece;
}

type SealWay = (sizes: readonly number[], options: SealFileOptions) => ReadableStream<Bytes>;

const sealWays: Readonly<Record<string, SealWay>> = {
  "sealFrom, an array's iterator": (sizes, options) => sealFrom(cut(content, ...sizes), options),
  "sealFrom, an async iterator": (sizes, options) => sealFrom(asyncPieces(cut(content, ...sizes)), options),
  "sealFrom, a stream": (sizes, options) => sealFrom(readableOf(cut(content, ...sizes)), options),
  "sealStream, piped": (sizes, options) =>
    readableOf(cut(content, ...sizes)).pipeThrough(sealStream(options)),
};

export const streams: readonly Case[] = [
  ...Object.entries(sealWays).map(
    ([way, run]): Case => ({
      name: `${way}, is opened by every form under every cutting`,
      async run() {
        const { recipient, identities } = await identityPair();
        for (const [cutting, sizes] of Object.entries(CUTS)) {
          const file = await collect(run(sizes, { to: recipient }));
          const opened = await collect(openFrom(cut(file, ...sizes), { identities }));
          sameBytes(opened, content, `openFrom, ${cutting}`);
          const piped = readableOf(cut(file, ...sizes)).pipeThrough(openStream({ identities }));
          sameBytes(await collect(piped), content, `openStream, ${cutting}`);
        }
      },
    }),
  ),
  {
    name: "byte by byte, both ways",
    async run() {
      const { recipient, identities } = await identityPair();
      const short = pattern(20_000);
      const file = await collect(sealFrom(cut(short, 1), { to: recipient }));
      sameBytes(await collect(openFrom(cut(file, 1), { identities })), short);
    },
  },
  {
    name: "a Blob, whole and by its own stream",
    async run() {
      const { recipient, identities } = await identityPair();
      const file = await collect(sealFrom(new Blob([content]), { to: recipient }));
      sameBytes(await collect(openFrom(new Blob([file]), { identities })), content);
      sameBytes(await collect(openFrom(new Blob([file]).stream(), { identities })), content);
    },
  },
  {
    name: "piped into a sink; info tells the head; progress ends at the length",
    async run() {
      const { recipient, identities } = await identityPair();
      const seen: number[] = [];
      const sealing = sealStream({ to: recipient, onProgress: ({ bytes }) => void seen.push(bytes) });
      const parts: Uint8Array[] = [];
      const sink = new WritableStream<Uint8Array>({ write: (part) => void parts.push(part) });
      await readableOf(cut(content, 30_000)).pipeThrough(sealing).pipeTo(sink);
      const file = join(parts);
      const { envelope, coreHash } = await sealing.info;
      sameBytes(file.slice(0, envelope.length), envelope, "envelope");
      equal(seen.at(-1), LENGTH, "progress at the end");
      const opening = openStream({ identities });
      const opened = collect(opening.readable);
      const writer = opening.writable.getWriter();
      for (const piece of cut(file, 10_000)) await writer.write(piece);
      await writer.close();
      sameBytes(await opened, content);
      equal((await opening.info).coreHash, coreHash, "coreHash");
    },
  },
  {
    name: "a fetch's response body is opened as it comes",
    async run() {
      const { recipient, identities } = await identityPair();
      const file = await seal(content, { to: recipient });
      const { body } = new Response(file);
      sameBytes(await collect(openFrom(body!, { identities })), content);
    },
  },
  {
    name: "padded streams come back without their padding",
    async run() {
      const { recipient, identities } = await identityPair();
      for (const padding of ["chunk", "padme"] as const) {
        const file = await collect(sealFrom(cut(content, 5000), { to: recipient, padding }));
        sameBytes(await collect(openFrom(cut(file, 7000), { identities })), content, padding);
      }
    },
  },
  {
    name: "Cobblestone alone: pull, pipe and push give what the others open",
    async run() {
      const key = { key: pattern(32, 2), context: pattern(20, 3) };
      const pulled = await collect(sealReadable(cut(content, 9999), key));
      const piped = await collect(readableOf(cut(content, 9999)).pipeThrough(sealTransform(key)));
      const sealer = await createSealer(key);
      const parts: Bytes[] = [sealer.header];
      for (const piece of cut(content, 9999)) parts.push(await sealer.push(piece));
      parts.push(await sealer.finish());
      for (const [way, sealed] of Object.entries({ pulled, piped, pushed: join(parts) })) {
        sameBytes(await collect(openReadable(cut(sealed, 12_345), key)), content, `${way}, pulled`);
        const through = readableOf(cut(sealed, 12_345)).pipeThrough(openTransform(key));
        sameBytes(await collect(through), content, `${way}, piped`);
        const opener = await createOpener(sealed.slice(0, 56), key);
        const opened: Bytes[] = [];
        for (const piece of cut(sealed.slice(56), 12_345)) opened.push(await opener.push(piece));
        opened.push(await opener.finish());
        sameBytes(join(opened), content, `${way}, pushed`);
      }
    },
  },
];

async function identityPair() {
  const identity = await generateIdentity();
  return { recipient: identity.recipient, identities: identity };
}
