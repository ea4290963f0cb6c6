import { randomBytes } from "node:crypto";
import { generateIdentity, sealFrom } from "blindreel";
import type { Group } from "../lib/group.js";
import { measure, resultOf } from "../lib/measure.js";
import { Pool } from "../lib/pool.js";
import { throughputRow } from "../lib/row.js";
import { drain, expectBytes, samplePiece } from "../lib/streams.js";

const MIB = 2 ** 20;
const PIECE = 256 * 1024;
const SIZES = [1, 2, 4];

export const group: Group = {
  title: "A pool of worker threads, an experiment",
  about:
    "The bare primitive in worker threads, fed with fresh pieces of 256 KiB through a web stream and drained in order, and `sealFrom` on the main thread fed with the same. The ratio is to `sealFrom`. A pool would be worth having from 1.3 on.",

  async run(scale) {
    const total = scale.bytes(128 * MIB);
    const { recipient: to } = await generateIdentity();
    const pools = SIZES.map((size) => ({ size, pool: new Pool("seal", size, randomBytes(32)) }));
    const contenders = [
      { name: "sealFrom", run: () => expectBytes(drain(sealFrom(freshPieces(total), { to })), total) },
      ...pools.map(({ size, pool }) => ({
        name: `pool of ${size}`,
        run: () => expectBytes(throughPool(pool, total), total),
      })),
    ];
    try {
      const results = await measure(contenders, scale);
      const reference = { bytes: total, result: resultOf(results, "sealFrom") };
      return results.map((result) => throughputRow(result.name, total, result, reference));
    } finally {
      await Promise.all(pools.map(({ pool }) => pool.close()));
    }
  },
};

async function throughPool(pool: Pool, total: number): Promise<number> {
  let bytes = 0;
  await pool.run(freshPieces(total), ({ length }) => {
    bytes += length;
  });
  return bytes;
}

/** As a network or a disk gives them: each in memory of its own, which may be given away. */
function freshPieces(total: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const piece = samplePiece(PIECE);
  let left = total / PIECE;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(piece.slice());
      else controller.close();
    },
  });
}
