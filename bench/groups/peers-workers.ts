import type { Group } from "../lib/group.js";
import { measure, resultOf } from "../lib/measure.js";
import { ratioAtLeast, throughputRow } from "../lib/row.js";
import { expectBytes, join, recut, samplePiece } from "../lib/streams.js";
import { awsLargeFrames } from "../peers/aws.js";
import { blindreel, blindreelTwoThreads } from "../peers/blindreel.js";
import type { Sink } from "../peers/peer.js";

const MIB = 2 ** 20;
const PIECE = 64 * 1024;

export const group: Group = {
  title: "Two threads against the fastest library, in Node",
  about:
    "As above, with the option `workers` and two threads, beside one thread and the fastest of the others, in a process without the rest. The ratio is to the last.",

  async run(scale) {
    const total = scale.bytes(32 * MIB);
    const piece = samplePiece(PIECE);
    const pieces = Array.from({ length: total / PIECE }, () => piece);
    const peers = await Promise.all(
      [blindreelTwoThreads, blindreel, awsLargeFrames].map(async ({ name, prepare }) => {
        const peer = await prepare();
        const sealed: Uint8Array[] = [];
        await peer.seal(pieces, (part) => sealed.push(part.slice()));
        return { name, peer, sealed: recut([join(sealed)], PIECE) };
      }),
    );
    const rows = [];
    for (const verb of ["seal", "open"] as const) {
      const contenders = peers.map(({ name, peer, sealed }) => ({
        name,
        run: () => counted(total, (sink) => peer[verb](verb === "seal" ? pieces : sealed, sink)),
      }));
      const results = await measure(contenders, scale);
      const reference = { bytes: total, result: resultOf(results, awsLargeFrames.name) };
      for (const result of results) {
        const target = result.name === blindreelTwoThreads.name ? { target: ratioAtLeast(1) } : {};
        rows.push(throughputRow(`${verb}, ${result.name}`, total, result, reference, target));
      }
    }
    return rows;
  },
};

/** A run that loses bytes must not count as a fast one. */
function counted(atLeast: number, run: (sink: Sink) => Promise<void>): Promise<void> {
  let bytes = 0;
  const done = run(({ length }) => {
    bytes += length;
  });
  return expectBytes(
    done.then(() => bytes),
    atLeast,
  );
}
