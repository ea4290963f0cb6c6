import { generateIdentity, open, openFrom, seal, sealFrom } from "blindreel";
import { createWorkers, type StreamWorkers } from "blindreel/workers";
import type { Group } from "../lib/group.js";
import { measure, resultOf } from "../lib/measure.js";
import { throughputRow } from "../lib/row.js";
import { collect, drain, expectBytes, join, recut, repeat, samplePiece, streamOf } from "../lib/streams.js";

const MIB = 2 ** 20;
const PIECE = 64 * 1024;
const SIZES = [1, 2, 4];
const CHUNK = 16 * 1024;
const TAG = 16;

export const group: Group = {
  title: "Worker threads",
  about:
    "The option `workers` in pieces of 64 KiB, and with whole files in memory; the calling thread is one of the threads. The ratio is to the same call without. `its copy alone` is what `seal` does before it returns: fresh memory for the result, and a copy of the data in the places of its chunks.",

  async run(scale) {
    const total = scale.bytes(256 * MIB);
    const identities = await generateIdentity();
    const to = identities.recipient;
    const count = total / PIECE;
    const file = join(await collect(sealFrom(repeat(samplePiece(PIECE), count), { to })));
    const sealed = recut([file], PIECE);
    const data = join(Array.from({ length: count }, () => samplePiece(PIECE)));
    const calls: Readonly<Record<string, (option: { workers?: StreamWorkers }) => unknown>> = {
      sealFrom: (option) =>
        expectBytes(drain(sealFrom(repeat(samplePiece(PIECE), count), { to, ...option })), total),
      openFrom: (option) => expectBytes(drain(openFrom(streamOf(sealed), { identities, ...option })), total),
      seal: (option) => seal(data, { to, ...option }),
      open: (option) => open(file, { identities, ...option }),
    };
    const pools = SIZES.map((threads) => createWorkers({ threads }));
    try {
      const rows = [];
      for (const [name, call] of Object.entries(calls)) {
        const results = await measure(
          [
            { name, run: () => call({}) },
            ...pools.map((workers) => ({
              name: `${name}, threads: ${workers.threads}`,
              run: () => call({ workers }),
            })),
            ...(name === "seal" ? [{ name: "seal, its copy alone", run: () => copyApart(data) }] : []),
          ],
          scale,
        );
        const reference = { bytes: total, result: resultOf(results, name) };
        rows.push(...results.map((result) => throughputRow(result.name, total, result, reference)));
      }
      return rows;
    } finally {
      await Promise.all(pools.map((workers) => workers.close()));
    }
  },
};

function copyApart(data: Uint8Array): void {
  const copy = new Uint8Array(data.length + (data.length / CHUNK) * TAG);
  for (let from = 0, to = 0; from < data.length; from += CHUNK, to += CHUNK + TAG)
    copy.set(data.subarray(from, from + CHUNK), to);
}
