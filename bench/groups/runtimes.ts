import type { Group } from "../lib/group.js";
import { type HostName, measureIn } from "../lib/hosts.js";
import { type Row, ratioAtLeast } from "../lib/row.js";

/** Ratios asked of the pull form (issue and design targets). */
const TARGETS: Readonly<Partial<Record<HostName, number>>> = { chromium: 0.6, deno: 0.7, firefox: 0.7 };

/** Every form in one runtime, by its WebCrypto. */
export function streamsIn(host: HostName, name: string): Group {
  const asked = TARGETS[host];
  return {
    title: `Streams in ${name}`,
    about: "WebCrypto, pieces of 64 KiB. The ratio is to the bare loop at the best of its depths.",
    async run(scale) {
      const { rows, runtime } = await measureIn(host, "forms", scale);
      const isAsked = ({ what }: Row) => asked !== undefined && / pull$/.test(what);
      return {
        runtime,
        rows: rows.map((row) => (isAsked(row) ? { ...row, target: ratioAtLeast(asked!) } : row)),
      };
    },
  };
}
