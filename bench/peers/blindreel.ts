import { generateIdentity, openFrom, sealFrom } from "blindreel";
import { createWorkers } from "blindreel/workers";
import { drain, streamOf } from "../lib/streams.js";
import type { Peer } from "./peer.js";

/** Ours, through the same door as the others. */
export const blindreel: Peer = peerOf("blindreel");

/** With the option `workers`, so in Node alone. */
export const blindreelTwoThreads: Peer = peerOf("blindreel, two threads", 2);

function peerOf(name: string, threads?: number): Peer {
  return {
    name,
    async prepare() {
      const identity = await generateIdentity();
      const option = threads === undefined ? {} : { workers: createWorkers({ threads }) };
      return {
        async seal(pieces, sink) {
          await drain(sealFrom(streamOf(pieces), { to: identity.recipient, ...option }), sink);
        },
        async open(sealed, sink) {
          await drain(openFrom(streamOf(sealed), { identities: identity, ...option }), sink);
        },
      };
    },
  };
}
