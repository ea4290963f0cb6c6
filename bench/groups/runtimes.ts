import type { Group } from "../lib/group.js";
import { type HostName, measureIn } from "../lib/hosts.js";
import { type Row, ratioAtLeast } from "../lib/row.js";

/** Asked of the pull and push forms (issue targets). */
const OF_BARE = 0.8;

/** Every form in one runtime, by its WebCrypto. */
export function streamsIn(host: HostName, name: string): Group {
  return {
    title: `Streams in ${name}`,
    about:
      "WebCrypto, pieces of 64 KiB. The ratio is to the bare loop at the best of its depths. The plain transform is the same chunks through a `TransformStream` that awaits one call after another.",
    async run(scale) {
      const { rows, runtime } = await measureIn(host, "forms", scale);
      const isAsked = ({ what }: Row) => / (pull|push)$/.test(what);
      return {
        runtime,
        rows: rows.map((row) => (isAsked(row) ? { ...row, target: ratioAtLeast(OF_BARE) } : row)),
      };
    },
  };
}
