import { findNode, NODE_MAJORS } from "../../scripts/runtimes.js";
import type { Group } from "../lib/group.js";
import { measureGroups } from "../lib/group-process.js";
import type { Row } from "../lib/row.js";

/** Rows of other groups that say most, in each Node that is supported. */
const PARTS = [
  { of: "seal-64-kib", whats: ["bare", "sealFrom"], title: "sealing" },
  { of: "open-64-kib", whats: ["bare", "openFrom"], title: "opening" },
  { of: "wrap", whats: ["wrap one file key"], title: "wrapping" },
  {
    of: "messages",
    whats: ["blindreel", "age-encryption", "AWS Encryption SDK, 1 MiB frames"],
    title: "1 KiB",
  },
] as const;

export const group: Group = {
  title: "Each Node",
  about:
    "Rows of other groups, measured in each supported line of Node. Ratios are theirs, and within one Node.",
  async run(scale) {
    const rows: Row[] = [];
    for (const { of, whats, title } of PARTS)
      for (const major of NODE_MAJORS) {
        const node = findNode(major);
        if (!node) throw new Error(`Node ${major} is missing: npm run setup`);
        const [measured] = await measureGroups([of], scale.name, { node });
        for (const what of whats) {
          const row = measured?.rows?.find((each) => each.what === what);
          if (!row) throw new Error(measured?.error ?? `${of} has no row ${what}`);
          // A point is of its own group's chart.
          const { point: _, ...shown } = row;
          rows.push({ ...shown, what: `${title}, Node ${major}: ${what}` });
        }
      }
    return { rows, runtime: `Node ${NODE_MAJORS.join(", ")}` };
  },
};
