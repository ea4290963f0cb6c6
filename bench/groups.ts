import type { Group } from "./lib/group.js";

/**
 * Every group by the name it is asked for, in the order in which they run. A group is loaded only in the process that
 * measures it.
 */
export const GROUPS: Readonly<Record<string, () => Promise<Group>>> = {
  wrap: async () => (await import("./groups/wrap.js")).group,
  "seal-64-kib": async () => (await throughput()).sealing({ kibibytes: 64, mebibytes: 256 }),
  "open-64-kib": async () => (await throughput()).opening({ kibibytes: 64, mebibytes: 256 }),
  "push-open-64-kib": async () => (await throughput()).openingByPush({ kibibytes: 64, mebibytes: 256 }),
  "seal-4-kib": async () => (await throughput()).sealing({ kibibytes: 4, mebibytes: 64 }),
  "open-4-kib": async () => (await throughput()).opening({ kibibytes: 4, mebibytes: 64 }),
  "push-open-4-kib": async () => (await throughput()).openingByPush({ kibibytes: 4, mebibytes: 64 }),
  memory: async () => (await import("./groups/memory.js")).group,
  range: async () => (await import("./groups/range.js")).group,
};

const throughput = () => import("./groups/throughput.js");
