import { bytesSource, generateIdentity, inspect, openSource, sealFrom } from "blindreel";
import type { Group } from "../lib/group.js";
import { measure } from "../lib/measure.js";
import { timeRow, valueAtMost } from "../lib/row.js";
import { collect, join, repeat } from "../lib/streams.js";

const MIB = 2 ** 20;
/** Lengths of the ranges that are timed. */
const LENGTHS = [16 * 1024, 64 * 1024, 256 * 1024, MIB, 4 * MIB];

export const group: Group = {
  title: "Reading a range",
  about:
    "From the middle of a file of 1 GiB in memory. What is fetched is counted beside the envelope, and includes what opening the file reads.",
  chart: { kind: "lines", x: "length of the range, KiB" },

  async run(scale) {
    const total = scale.bytes(1024 * MIB);
    const identity = await generateIdentity();
    const sealing = sealFrom(repeat(new Uint8Array(MIB), total / MIB), { to: identity.recipient });
    const file = join(await collect(sealing));
    const { envelopeLength } = inspect(file);
    const memory = bytesSource(file);
    let fetched = 0;
    const counting = {
      size: () => memory.size(),
      read(start: number, end: number) {
        fetched += end - start;
        return memory.read(start, end);
      },
    };
    const source = await openSource(counting, { identities: identity });
    const start = total / 2 + 1;
    const lengths = LENGTHS.filter((length) => start + length <= total);
    await source.read(start, start + Math.min(MIB, total - start));
    const beside = (fetched - envelopeLength) / MIB;
    const results = await measure(
      lengths.map((length) => ({
        name: String(length),
        run: () => source.read(start, start + length),
      })),
      scale,
    );
    return [
      {
        what: "fetched for 1 MiB",
        value: beside,
        unit: "MiB",
        target: valueAtMost(1.1),
      },
      ...results.map((result, i) => {
        const length = lengths[i]!;
        return timeRow(`read ${length / 1024} KiB`, { unit: "ms" }, result, undefined, {
          point: { series: "from memory", x: length / 1024 },
          ...(length === MIB ? { target: valueAtMost(5) } : {}),
        });
      }),
    ];
  },
};
