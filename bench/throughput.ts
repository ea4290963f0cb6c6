import { generateIdentity, openFrom, openStream, sealFrom, sealStream } from "blindreel";
import { createOpener, createSealer, type StreamKey } from "blindreel/stream";
import { bareOpen, bareSeal, bareSealed } from "./lib/bare.js";
import { type Contender, measure, type Result } from "./lib/measure.js";
import { type Row, throughputRow } from "./lib/report.js";
import { collect, drain, recut, repeat, streamOf } from "./lib/streams.js";

const MIB = 2 ** 20;

async function expectBytes(actual: Promise<number>, atLeast: number): Promise<void> {
  const bytes = await actual;
  if (bytes < atLeast) throw new Error(`only ${bytes} of ${atLeast} bytes came out`);
}

/** What a group of contenders is measured on. */
interface Workload {
  readonly total: number;
  readonly piece: Uint8Array;
  readonly count: number;
  readonly rounds: number;
}

const newStreamKey = (): StreamKey => ({
  key: crypto.getRandomValues(new Uint8Array(32)),
  context: new Uint8Array(0),
});

/** The bare loop takes the pieces it likes best. */
const BARE_PIECE = new Uint8Array(64 * 1024).fill(7);

async function sealing({ total, piece, count, rounds }: Workload): Promise<Row[]> {
  const { recipient: to } = await generateIdentity();
  const streamKey = newStreamKey();
  const contenders: Contender[] = [
    { name: "bare", run: () => bareSeal(BARE_PIECE, total / BARE_PIECE.length) },
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
  return rowsOf(`seal, ${piece.length / 1024} KiB pieces`, total, await measure(contenders, rounds));
}

async function opening({ total, piece, count, rounds }: Workload): Promise<Row[]> {
  const identities = await generateIdentity();
  const sealed = recut(
    await collect(sealFrom(repeat(piece, count), { to: identities.recipient })),
    piece.length,
  );
  const contenders: Contender[] = [
    bareOpening(total),
    { name: "openFrom", run: () => expectBytes(drain(openFrom(streamOf(sealed), { identities })), total) },
    {
      name: "openStream (transform)",
      run: () => expectBytes(drain(streamOf(sealed).pipeThrough(openStream({ identities }))), total),
    },
  ];
  return rowsOf(`open, ${piece.length / 1024} KiB pieces`, total, await measure(contenders, rounds));
}

async function openingByPush({ total, piece, count, rounds }: Workload): Promise<Row[]> {
  const streamKey = newStreamKey();
  const sealer = await createSealer(streamKey);
  const parts: Uint8Array[] = [];
  for (let i = 0; i < count; i++) parts.push(await sealer.push(piece));
  parts.push(await sealer.finish());
  const sealed = recut(parts, piece.length);
  const contenders: Contender[] = [
    bareOpening(total),
    {
      name: "createOpener (push)",
      run: async () => {
        const opener = await createOpener(sealer.header, streamKey);
        for (const part of sealed) {
          const chunks = opener.push(part);
          if (chunks instanceof Promise) await chunks;
        }
        await opener.finish();
      },
    },
  ];
  return rowsOf(`open by push, ${piece.length / 1024} KiB pieces`, total, await measure(contenders, rounds));
}

/** Walks through memory as opening a stream does, four times through a quarter of it. */
function bareOpening(total: number): Contender {
  const parts = 4;
  const sealed = bareSealed(BARE_PIECE, total / parts / BARE_PIECE.length);
  return {
    name: "bare",
    run: () => {
      for (let i = 0; i < parts; i++) bareOpen(sealed);
    },
  };
}

function rowsOf(what: string, total: number, results: readonly Result[]): Row[] {
  const bare = results[0]!.median;
  return results.map((result) => throughputRow(`${what}, ${result.name}`, total / MIB, result, bare));
}

function workload(mebibytes: number, kibibytes: number, rounds: number): Workload {
  const total = mebibytes * MIB;
  const piece = new Uint8Array(kibibytes * 1024).map((_, i) => (i * 31) & 255);
  return { total, piece, count: total / piece.length, rounds };
}

/** By name: what runs in a process of its own. */
export const throughputGroups: Readonly<Record<string, (rounds: number) => Promise<Row[]>>> = {
  "seal-64-kib": (rounds) => sealing(workload(256, 64, rounds)),
  "open-64-kib": (rounds) => opening(workload(256, 64, rounds)),
  "push-open-64-kib": (rounds) => openingByPush(workload(256, 64, rounds)),
  "seal-4-kib": (rounds) => sealing(workload(64, 4, rounds)),
  "open-4-kib": (rounds) => opening(workload(64, 4, rounds)),
  "push-open-4-kib": (rounds) => openingByPush(workload(64, 4, rounds)),
};
