import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { drain, streamOf } from "../lib/streams.js";
import type { Peer } from "./peer.js";

/** ChaCha20-Poly1305 in JavaScript over chunks of 64 KiB; one X25519 recipient. */
export const typage: Peer = {
  name: "age-encryption",
  target: 8,
  async prepare() {
    const identity = await generateX25519Identity();
    const recipient = await identityToRecipient(identity);
    return {
      async seal(pieces, sink) {
        const encrypter = new Encrypter();
        encrypter.addRecipient(recipient);
        await drain(await encrypter.encrypt(streamOf(pieces)), sink);
      },
      async open(sealed, sink) {
        const decrypter = new Decrypter();
        decrypter.addIdentity(identity);
        await drain(await decrypter.decrypt(streamOf(sealed)), sink);
      },
    };
  },
};
