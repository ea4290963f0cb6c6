import sodium from "libsodium-wrappers";
import type { Peer } from "./peer.js";

/** XChaCha20-Poly1305 in WebAssembly, one message for each piece, under a given key: it has no recipients. */
export const libsodium: Peer = {
  name: "libsodium secretstream",
  target: 3,
  async prepare() {
    await sodium.ready;
    const key = sodium.crypto_secretstream_xchacha20poly1305_keygen();
    const { MESSAGE, FINAL } = {
      MESSAGE: sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
      FINAL: sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL,
    };
    return {
      keepsMessages: true,
      async seal(pieces, sink) {
        const { state, header } = sodium.crypto_secretstream_xchacha20poly1305_init_push(key);
        sink(header);
        pieces.forEach((piece, i) => {
          const tag = i === pieces.length - 1 ? FINAL : MESSAGE;
          sink(sodium.crypto_secretstream_xchacha20poly1305_push(state, piece, null, tag));
        });
      },
      async open([header, ...messages], sink) {
        const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(header!, key);
        let last = MESSAGE;
        for (const sealed of messages) {
          const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, null);
          if (!opened) throw new Error("a message did not open");
          sink(opened.message);
          last = opened.tag;
        }
        if (last !== FINAL) throw new Error("the stream has no end");
      },
    };
  },
};
