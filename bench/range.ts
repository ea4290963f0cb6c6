import { bytesSource, generateIdentity, inspect, openSource, sealFrom } from "blindreel";
import { measure } from "./lib/measure.js";
import { limitRow, type Row } from "./lib/report.js";
import { collect, repeat } from "./lib/streams.js";

const MIB = 2 ** 20;

/** One MiB from the middle of one GiB: what is fetched besides the envelope, and how long it takes from memory. */
export async function range(rounds: number): Promise<Row[]> {
  const identity = await generateIdentity();
  const sealing = sealFrom(repeat(new Uint8Array(MIB), 1024), { to: identity.recipient });
  const file = new Uint8Array(Buffer.concat(await collect(sealing)));
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
  const start = 512 * MIB + 1;
  const source = await openSource(counting, { identities: identity });
  await source.read(start, start + MIB);
  const beside = (fetched - envelopeLength) / MIB;
  const [result] = await measure(
    [
      {
        name: "range",
        run: async () => {
          await source.read(start, start + MIB);
        },
      },
    ],
    rounds,
  );
  return [
    limitRow("fetched for 1 MiB in the middle of 1 GiB", `${beside.toFixed(3)} MiB`, beside, 1.1),
    limitRow("time for 1 MiB in the middle of 1 GiB", `${result!.median.toFixed(2)} ms`, result!.median, 5),
  ];
}
