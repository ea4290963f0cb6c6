import { generateIdentity, open, openFrom, seal, sealFrom } from "blindreel";
import { createWorkers, type StreamWorkers } from "blindreel/workers";
import type { Group } from "../lib/group.js";
import { measure, resultOf } from "../lib/measure.js";
import { throughputRow } from "../lib/row.js";
import { collect, drain, expectBytes, join, recut, repeat, samplePiece, streamOf } from "../lib/streams.js";

const MIB = 2 ** 20;
const PIECE = 64 * 1024;
const SIZES = [1, 2, 4];

export const group: Group = {
  title: "Worker threads",
  about:
    "The option `workers` in pieces of 64 KiB, and with whole files in memory. The ratio is to the same call without, on one thread.",

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
              name: `${name}, ${workers.threads} of workers`,
              run: () => call({ workers }),
            })),
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
