import { generateIdentity, openFrom, sealFrom } from "blindreel";
import type { Group } from "../lib/group.js";
import { measure, resultOf } from "../lib/measure.js";
import { ratioAtLeast, throughputRow } from "../lib/row.js";
import { drain, expectBytes, repeat, samplePiece } from "../lib/streams.js";

const MIB = 2 ** 20;
const MOST_ROUNDS = 5;

export const group: Group = {
  title: "Growth",
  about:
    "Sealing and opening in one pipe. The ratio is to the throughput at 64 MiB: time per byte must not grow with the length.",

  async run(scale) {
    const identity = await generateIdentity();
    const piece = samplePiece(64 * 1024);
    const lengths = [64 * MIB, 512 * MIB, 4096 * MIB].map((full) => ({
      name: `${full / MIB} MiB`,
      total: scale.bytes(full),
    }));
    const contenders = lengths.map(({ name, total }) => ({
      name,
      run: () => {
        const sealed = sealFrom(repeat(piece, total / piece.length), { to: identity.recipient });
        return expectBytes(drain(openFrom(sealed, { identities: identity })), total);
      },
    }));
    const rounds = Math.min(scale.rounds, MOST_ROUNDS);
    const results = await measure(contenders, { ...scale, rounds });
    const [first] = lengths;
    const reference = { bytes: first!.total, result: resultOf(results, first!.name) };
    return lengths.map(({ name, total }, i) =>
      throughputRow(`seal and open ${name}`, total, resultOf(results, name), reference, {
        ...(i > 0 ? { target: ratioAtLeast(0.91) } : {}),
      }),
    );
  },
};
