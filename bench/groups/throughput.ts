import { bareOpening, bareSealing } from "../lib/bare-node.js";
import { openingForms, PULL, PUSH, PUSH_BACK, pushOpening, sealingForms, TRANSFORM } from "../lib/forms.js";
import type { Group } from "../lib/group.js";
import { type Contender, measure, resultOf } from "../lib/measure.js";
import { type Row, ratioAtLeast, throughputRow } from "../lib/row.js";
import type { Scale } from "../lib/scale.js";
import { samplePiece } from "../lib/streams.js";

const KIB = 1024;
const MIB = 2 ** 20;

/** What is asked of each form at each size of pieces, as a part of the bare primitive's throughput. */
const TARGETS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "64": { [PULL]: 0.8, [TRANSFORM]: 0.7, [PUSH]: 0.7 },
  "4": { [TRANSFORM]: 0.4, [PUSH]: 0.7 },
};

const CALLS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  seal: { [PULL]: "sealFrom", [TRANSFORM]: "sealStream (transform)", [PUSH]: "createSealer (push)" },
  open: { [PULL]: "openFrom", [TRANSFORM]: "openStream (transform)", [PUSH]: "createOpener (push)" },
};

interface Size {
  readonly kibibytes: number;
  readonly mebibytes: number;
}

/** Every form of sealing in Node, in pieces of one size. */
export function sealing(size: Size): Group {
  return throughput("seal", size, `Sealing in pieces of ${size.kibibytes} KiB`, (workload, total) =>
    Promise.all([bareSealing(total), sealingForms(workload)]).then((contenders) => contenders.flat()),
  );
}

export function opening(size: Size): Group {
  return throughput("open", size, `Opening in pieces of ${size.kibibytes} KiB`, (workload, total) =>
    Promise.all([bareOpening(total), openingForms(workload)]).then((contenders) => contenders.flat()),
  );
}

/** Apart from the other forms, whose ciphertext would be in the way of this one's. */
export function openingByPush(size: Size): Group {
  return throughput("open", size, `Opening by push in pieces of ${size.kibibytes} KiB`, (workload, total) =>
    Promise.all([bareOpening(total), pushOpening(workload)]).then((contenders) => contenders.flat()),
  );
}

function throughput(
  verb: "seal" | "open",
  { kibibytes, mebibytes }: Size,
  title: string,
  contendersOf: (workload: { piece: Uint8Array; count: number }, total: number) => Promise<Contender[]>,
): Group {
  return {
    title,
    about: "The ratio is to bare `node:crypto`.",
    async run(scale: Scale): Promise<Row[]> {
      const total = scale.bytes(mebibytes * MIB);
      const piece = samplePiece(kibibytes * KIB);
      const contenders = await contendersOf({ piece, count: total / piece.length }, total);
      // `ArrayBuffer.prototype.transfer` comes with Node 21.
      const inNode = contenders.filter(({ name }) => name !== PUSH_BACK);
      const results = await measure(inNode, scale);
      const reference = { bytes: total, result: resultOf(results, "bare") };
      return results.map((result) => {
        const asked = TARGETS[kibibytes]?.[result.name];
        const what = CALLS[verb]![result.name] ?? result.name;
        return throughputRow(what, total, result, reference, asked ? { target: ratioAtLeast(asked) } : {});
      });
    },
  };
}
