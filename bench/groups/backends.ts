import { nodeProvider, webCryptoProvider } from "blindreel/crypto";
import { nobleProvider } from "../../src/crypto/noble.js";
import { bareOpening, bareSealing } from "../lib/bare-node.js";
import { openingForms, PULL, sealingForms } from "../lib/forms.js";
import type { Group } from "../lib/group.js";
import { type Contender, measure, resultOf } from "../lib/measure.js";
import { type Row, throughputRow } from "../lib/row.js";
import { samplePiece } from "../lib/streams.js";

const MIB = 2 ** 20;

export const group: Group = {
  title: "Backends, in Node",
  about:
    "The pull form in pieces of 64 KiB, by each backend. The ratio is to bare `node:crypto`. noble is what is left where a page has no WebCrypto.",
  chart: { kind: "bars" },

  async run(scale) {
    const total = scale.bytes(16 * MIB);
    const piece = samplePiece(64 * 1024);
    const rows: Row[] = [];
    for (const verb of ["seal", "open"] as const) {
      const contenders: Contender[] = [verb === "seal" ? bareSealing(total) : bareOpening(total)];
      for (const crypto of [nodeProvider()!, webCryptoProvider, nobleProvider]) {
        const workload = { piece, count: total / piece.length, crypto };
        const all = verb === "seal" ? await sealingForms(workload) : await openingForms(workload);
        contenders.push({ ...all.find(({ name }) => name === PULL)!, name: crypto.name });
      }
      const results = await measure(contenders, scale);
      const reference = { bytes: total, result: resultOf(results, "bare") };
      rows.push(
        ...results.map((result) =>
          throughputRow(`${verb}, ${result.name}`, total, result, reference, {
            point: { series: verb, x: result.name },
          }),
        ),
      );
    }
    return rows;
  },
};
