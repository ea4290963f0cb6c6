import type { Group } from "../lib/group.js";
import { measureIn } from "../lib/hosts.js";

export const group: Group = {
  title: "Against other libraries, in Chromium",
  about:
    "Pieces of 64 KiB through each library's own stream. The ratio is how many times its throughput ours is.",
  chart: { kind: "bars" },
  run: (scale) => measureIn("chromium", "peers", scale),
};
