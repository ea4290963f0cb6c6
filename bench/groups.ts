import type { Group } from "./lib/group.js";

/**
 * Every group by the name it is asked for, in the order in which they run. A group is loaded only in the process that
 * measures it.
 */
export const GROUPS: Readonly<Record<string, () => Promise<Group>>> = {
  "seal-64-kib": async () => (await throughput()).sealing({ kibibytes: 64, mebibytes: 256 }),
  "open-64-kib": async () => (await throughput()).opening({ kibibytes: 64, mebibytes: 256 }),
  "push-open-64-kib": async () => (await throughput()).openingByPush({ kibibytes: 64, mebibytes: 256 }),
  "seal-4-kib": async () => (await throughput()).sealing({ kibibytes: 4, mebibytes: 64 }),
  "open-4-kib": async () => (await throughput()).opening({ kibibytes: 4, mebibytes: 64 }),
  "push-open-4-kib": async () => (await throughput()).openingByPush({ kibibytes: 4, mebibytes: 64 }),
  chunks: async () => (await import("./groups/chunks.js")).group,
  nodes: async () => (await import("./groups/nodes.js")).group,
  backends: async () => (await import("./groups/backends.js")).group,
  deno: async () => (await runtimes()).streamsIn("deno", "Deno"),
  bun: async () => (await runtimes()).streamsIn("bun", "Bun"),
  chromium: async () => (await runtimes()).streamsIn("chromium", "Chromium"),
  firefox: async () => (await runtimes()).streamsIn("firefox", "Firefox"),
  webkit: async () => (await runtimes()).streamsIn("webkit", "WebKit"),
  pieces: async () => (await import("./groups/across.js")).pieces,
  depth: async () => (await import("./groups/across.js")).depth,
  workers: async () => (await import("./groups/workers.js")).group,
  "command-line": async () => (await import("./groups/command-line.js")).group,
  peers: async () => (await import("./groups/peers.js")).group,
  "peers-workers": async () => (await import("./groups/peers-workers.js")).group,
  "peers-chromium": async () => (await import("./groups/peers-chromium.js")).group,
  messages: async () => (await import("./groups/messages.js")).group,
  wrap: async () => (await import("./groups/wrap.js")).group,
  recipients: async () => (await import("./groups/recipients.js")).group,
  "recipients-p256": async () => (await import("./groups/recipients.js")).p256,
  "cold-open": async () => (await import("./groups/cold-open.js")).group,
  rewrap: async () => (await import("./groups/rewrap.js")).group,
  slots: async () => (await import("./groups/rewrap.js")).slots,
  range: async () => (await import("./groups/range.js")).group,
  structure: async () => (await import("./groups/opacity.js")).validator,
  audit: async () => (await import("./groups/opacity.js")).audit,
  "audit-worst": async () => (await import("./groups/opacity.js")).worst,
  recording: async () => (await import("./groups/recording.js")).group,
  "recording-load": async () => (await import("./groups/recording.js")).load,
  "recording-memory": async () => (await import("./groups/recording-memory.js")).group,
  "recording-growth": async () => (await import("./groups/recording-growth.js")).group,
  "recording-exam": async () => (await import("./groups/recording-exam.js")).group,
  "recording-seek": async () => (await import("./groups/recording-seek.js")).group,
  "recording-resume": async () => (await import("./groups/recording-resume.js")).group,
  play: async () => (await import("./groups/play.js")).group,
  capture: async () => (await import("./groups/capture.js")).group,
  "server-put": async () => (await import("./groups/server-put.js")).group,
  memory: async () => (await import("./groups/memory.js")).group,
  linear: async () => (await import("./groups/linear.js")).group,
  growth: async () => (await import("./groups/growth.js")).group,
};

const throughput = () => import("./groups/throughput.js");
const runtimes = () => import("./groups/runtimes.js");
