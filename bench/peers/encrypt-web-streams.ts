import { createDecryptionStream, createEncryptionStream, init } from "@transcend-io/encrypt-web-streams";
import { drain, streamOf } from "../lib/streams.js";
import type { Peer } from "./peer.js";

/**
 * One AES-GCM message in WebAssembly, under a given key. Opening hands out plaintext before anything of it is
 * authenticated, which the others do not.
 */
export const encryptWebStreams: Peer = {
  name: "encrypt-web-streams",
  async prepare() {
    await init();
    const key = crypto.getRandomValues(new Uint8Array(32));
    const iv = crypto.getRandomValues(new Uint8Array(12));
    return {
      async seal(pieces, sink) {
        await drain(streamOf(pieces).pipeThrough(createEncryptionStream(key, iv)), sink);
      },
      async open(sealed, sink) {
        await drain(streamOf(sealed).pipeThrough(createDecryptionStream(key, iv)), sink);
      },
    };
  },
};
