import { generateIdentity, open, seal } from "blindreel";
import type { Group } from "../lib/group.js";
import { type Contender, measure, resultOf } from "../lib/measure.js";
import { ratioAtLeast, timeRow } from "../lib/row.js";
import { samplePiece } from "../lib/streams.js";
import { awsLargeFrames } from "../peers/aws.js";
import { openpgpGcm } from "../peers/openpgp.js";
import type { Peer } from "../peers/peer.js";
import { typage } from "../peers/typage.js";

/** How many times faster ours should be (issue targets). */
const TARGETS: Readonly<Record<string, number>> = { [typage.name]: 8, [awsLargeFrames.name]: 3 };

const MESSAGE = samplePiece(1024);

export const group: Group = {
  title: "Small messages",
  about:
    "A message of 1 KiB sealed to one recipient and opened again. The ratio is how many times faster ours is.",
  chart: { kind: "bars" },

  async run(scale) {
    const identity = await generateIdentity();
    const ours: Contender = {
      name: "blindreel",
      run: async () => {
        const file = await seal(MESSAGE, { to: identity.recipient });
        const { data } = await open(file, { identities: identity });
        if (data.length !== MESSAGE.length) throw new Error("the message changed");
      },
    };
    const peers = await Promise.all([typage, openpgpGcm, awsLargeFrames].map(roundTrip));
    const results = await measure([ours, ...peers], scale);
    const { median } = resultOf(results, ours.name);
    return results.map((result) => ({
      ...timeRow(result.name, { unit: "µs" }, result),
      ratio: result.median / median,
      ...(result.name === ours.name ? {} : { target: ratioAtLeast(TARGETS[result.name] ?? 1) }),
      point: { series: "1 KiB, seal and open", x: result.name },
    }));
  },
};

async function roundTrip({ name, prepare }: Peer): Promise<Contender> {
  const peer = await prepare();
  return {
    name,
    run: async () => {
      const sealed: Uint8Array[] = [];
      await peer.seal([MESSAGE], (part) => sealed.push(part));
      let length = 0;
      await peer.open(sealed, (part) => {
        length += part.length;
      });
      if (length !== MESSAGE.length) throw new Error(`${name} changed the message`);
    },
  };
}
