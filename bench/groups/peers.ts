import { readFile } from "node:fs/promises";
import { bareOpening, bareSealing } from "../lib/bare-node.js";
import type { Group } from "../lib/group.js";
import { peerRows } from "../lib/peer-rows.js";
import { awsDefaultFrames, awsLargeFrames } from "../peers/aws.js";
import { blindreel } from "../peers/blindreel.js";
import { encryptWebStreams } from "../peers/encrypt-web-streams.js";
import { libsodium } from "../peers/libsodium.js";
import { openpgpDefault, openpgpGcm } from "../peers/openpgp.js";
import { typage } from "../peers/typage.js";

const MIB = 2 ** 20;
const PEERS = [
  blindreel,
  awsLargeFrames,
  awsDefaultFrames,
  openpgpGcm,
  openpgpDefault,
  libsodium,
  typage,
  encryptWebStreams,
];

export const group: Group = {
  title: "Against other libraries, in Node",
  about:
    "Pieces of 64 KiB through each library's own stream, to one recipient where it has recipients. The ratio is how many times its throughput ours is.",
  chart: { kind: "bars" },

  async run(scale) {
    fetchFiles();
    const total = scale.bytes(32 * MIB);
    return peerRows(PEERS, { seal: bareSealing(total), open: bareOpening(total) }, total, scale);
  },
};

/** One peer fetches its WebAssembly by URL, and Node's `fetch` knows no files. */
function fetchFiles(): void {
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const url = String(input instanceof Request ? input.url : input);
    if (!url.startsWith("file:")) return fetch(input, init);
    const bytes = await readFile(new URL(url));
    return new Response(new Uint8Array(bytes), { headers: { "content-type": "application/wasm" } });
  };
}
