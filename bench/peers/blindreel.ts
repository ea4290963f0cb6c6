import { generateIdentity, openFrom, sealFrom } from "blindreel";
import { drain, streamOf } from "../lib/streams.js";
import type { Peer } from "./peer.js";

/** Ours, through the same door as the others. */
export const blindreel: Peer = {
  name: "blindreel",
  async prepare() {
    const identity = await generateIdentity();
    return {
      async seal(pieces, sink) {
        await drain(sealFrom(streamOf(pieces), { to: identity.recipient }), sink);
      },
      async open(sealed, sink) {
        await drain(openFrom(streamOf(sealed), { identities: identity }), sink);
      },
    };
  },
};
