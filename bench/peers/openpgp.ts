import {
  createMessage,
  decrypt,
  encrypt,
  enums,
  generateKey,
  type PartialConfig,
  type PrivateKey,
  type PublicKey,
  readMessage,
} from "openpgp";
import { drain, streamOf } from "../lib/streams.js";
import type { Peer } from "./peer.js";

/** Its default, CFB with a hash at the end: opening holds the whole message back until that hash is right. */
export const openpgpDefault: Peer = peerOf("openpgp, default", 1.8, {});

/** AES-GCM in chunks of 256 KiB (RFC 9580), which opens as a stream. */
export const openpgpGcm: Peer = peerOf("openpgp, GCM", 1.8, {
  aeadProtect: true,
  preferredAEADAlgorithm: enums.aead.gcm,
});

function peerOf(name: string, target: number, config: PartialConfig): Peer {
  return {
    name,
    target,
    async prepare() {
      const { privateKey, publicKey } = (await generateKey({
        type: "curve25519",
        userIDs: [{ name: "bench" }],
        format: "object",
        config,
      })) as { privateKey: PrivateKey; publicKey: PublicKey };
      return {
        async seal(pieces, sink) {
          const message = await createMessage({ binary: streamOf(pieces) });
          const options = { encryptionKeys: publicKey, format: "binary", config } as const;
          await drain((await encrypt({ message, ...options })) as ReadableStream<Uint8Array>, sink);
        },
        async open(sealed, sink) {
          const message = await readMessage({ binaryMessage: streamOf(sealed), config });
          const options = { decryptionKeys: privateKey, format: "binary", config } as const;
          const { data } = await decrypt({ message, ...options });
          await drain(data as unknown as ReadableStream<Uint8Array>, sink);
        },
      };
    },
  };
}
