import type { Group, Measured } from "../lib/group.js";
import { HOST_NAMES, measureIn } from "../lib/hosts.js";
import type { Row } from "../lib/row.js";
import type { Scale } from "../lib/scale.js";

/** One suite in every runtime, one after another: ratios are within each runtime. */

export const pieces: Group = {
  title: "Size of pieces, in every runtime",
  about:
    "The pull form by WebCrypto, fed in pieces of each size. Ratios are to the bare loop at its best depth in the same runtime.",
  chart: { kind: "lines", x: "piece, KiB" },
  run: (scale) => everywhere("pieces", scale),
};

export const depth: Group = {
  title: "Calls in flight, in every runtime",
  about:
    "The pull form by WebCrypto, in pieces of 64 KiB, by the number of chunks that are with the cipher at once. Ratios are to the bare loop at its best depth in the same runtime.",
  chart: { kind: "lines", x: "calls in flight" },
  run: (scale) => everywhere("depth", scale),
};

async function everywhere(suite: "pieces" | "depth", scale: Scale): Promise<Measured> {
  // Each runtime has a group of its own that shows whether it still runs.
  const hosts = scale.name === "smoke" ? (["node"] as const) : HOST_NAMES;
  const rows: Row[] = [];
  const runtimes: string[] = [];
  for (const host of hosts) {
    const measured = await measureIn(host, suite, scale);
    runtimes.push(measured.runtime);
    const name = measured.runtime.split(" ")[0]!;
    rows.push(...measured.rows.map((row) => namedAfter(name, row)));
  }
  return { rows, runtime: runtimes.join(", ") };
}

function namedAfter(name: string, { point, ...row }: Row): Row {
  const named = { ...row, what: `${name}, ${row.what}` };
  return point ? { ...named, point: { ...point, series: `${name}, ${point.series}` } } : named;
}
