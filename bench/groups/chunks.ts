import { generateIdentity, open, openFrom, seal, sealFrom } from "blindreel";
import type { Group } from "../lib/group.js";
import { type Contender, measure } from "../lib/measure.js";
import { throughputRow } from "../lib/row.js";
import { drain, expectBytes, samplePiece } from "../lib/streams.js";

const CHUNK = 16 * 1024;
const COUNTS = [1, 4, 16, 64, 256, 1024, 4096];

export const group: Group = {
  title: "Number of chunks, in Node",
  about:
    "Whole files of so many chunks of 16 KiB: in one call, and through a stream. Up to a hundred chunks the envelope shows.",
  chart: { kind: "lines", x: "chunks" },

  async run(scale) {
    const identity = await generateIdentity();
    const { recipient: to } = identity;
    const contenders: (Contender & { readonly series: string; readonly chunks: number })[] = [];
    for (const full of COUNTS) {
      const chunks = Math.min(full, scale.count(4096) + 3);
      if (contenders.some((known) => known.chunks === chunks)) continue;
      const data = samplePiece(chunks * CHUNK);
      const file = await seal(data, { to });
      const add = (series: string, run: Contender["run"]) =>
        contenders.push({ name: `${series}, ${chunks} chunks`, series, chunks, run });
      add("seal", () => seal(data, { to }));
      add("open", () => open(file, { identities: identity }));
      add("sealFrom", () => expectBytes(drain(sealFrom(data, { to })), data.length));
      add("openFrom", () => expectBytes(drain(openFrom(file, { identities: identity })), data.length));
    }
    const results = await measure(contenders, scale);
    return contenders.map(({ name, series, chunks }, i) =>
      throughputRow(name, chunks * CHUNK, results[i]!, undefined, { point: { series, x: chunks } }),
    );
  },
};
