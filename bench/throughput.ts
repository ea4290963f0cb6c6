import { generateIdentity, openFrom, openStream, sealFrom, sealStream } from "blindreel";
import { createOpener, createSealer, type StreamKey } from "blindreel/stream";
import { bareOpen, bareSeal } from "./lib/bare.js";
import { type Contender, measure } from "./lib/measure.js";
import { type Row, throughputRow } from "./lib/report.js";
import { collect, drain, recut, repeat, streamOf } from "./lib/streams.js";

const MIB = 2 ** 20;

async function expectBytes(actual: Promise<number>, atLeast: number): Promise<void> {
  const bytes = await actual;
  if (bytes < atLeast) throw new Error(`only ${bytes} of ${atLeast} bytes came out`);
}

async function sealByPush(streamKey: StreamKey, piece: Uint8Array, count: number) {
  const sealer = await createSealer(streamKey);
  const parts: Uint8Array[] = [];
  for (let i = 0; i < count; i++) parts.push(await sealer.push(piece));
  parts.push(await sealer.finish());
  return { header: sealer.header, parts };
}

/** Seal and open `total` bytes in pieces of `pieceSize`, against the bare primitive in the same run. */
export async function throughput(total: number, pieceSize: number, rounds: number): Promise<Row[]> {
  const piece = new Uint8Array(pieceSize).map((_, i) => (i * 31) & 255);
  const count = total / pieceSize;
  const identity = await generateIdentity();
  const to = identity.recipient;
  const identities = identity;
  const streamKey = { key: crypto.getRandomValues(new Uint8Array(32)), context: new Uint8Array(0) };
  const sealed = recut(await collect(sealFrom(repeat(piece, count), { to })), pieceSize);
  const barePiece = new Uint8Array(Math.max(pieceSize, 64 * 1024));

  const sealing: Contender[] = [
    { name: "bare", run: () => bareSeal(barePiece, total / barePiece.length) },
    { name: "sealFrom", run: () => expectBytes(drain(sealFrom(repeat(piece, count), { to })), total) },
    {
      name: "sealStream (transform)",
      run: () => expectBytes(drain(repeat(piece, count).pipeThrough(sealStream({ to }))), total),
    },
    {
      name: "createSealer (push)",
      run: async () => {
        const sealer = await createSealer(streamKey);
        for (let i = 0; i < count; i++) {
          const chunks = sealer.push(piece);
          if (chunks instanceof Promise) await chunks;
        }
        await sealer.finish();
      },
    },
  ];
  const { header, parts } = await sealByPush(streamKey, piece, count);
  const pushSealed = recut(parts, pieceSize);
  const opening: Contender[] = [
    { name: "bare", run: () => bareOpen(total) },
    { name: "openFrom", run: () => expectBytes(drain(openFrom(streamOf(sealed), { identities })), total) },
    {
      name: "openStream (transform)",
      run: () => expectBytes(drain(streamOf(sealed).pipeThrough(openStream({ identities }))), total),
    },
    {
      name: "createOpener (push)",
      run: async () => {
        const opener = await createOpener(header, streamKey);
        for (const part of pushSealed) {
          const chunks = opener.push(part);
          if (chunks instanceof Promise) await chunks;
        }
        await opener.finish();
      },
    },
  ];
  const rows: Row[] = [];
  for (const [verb, contenders] of [
    ["seal", sealing],
    ["open", opening],
  ] as const) {
    const results = await measure(contenders, rounds);
    const bare = results[0]!.median;
    for (const result of results) {
      rows.push(
        throughputRow(`${verb}, ${pieceSize / 1024} KiB pieces, ${result.name}`, total / MIB, result, bare),
      );
    }
  }
  return rows;
}
