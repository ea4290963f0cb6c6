import { generateIdentity, importRecipient } from "blindreel";
import { defaultProvider } from "blindreel/crypto";
import type { Group } from "../lib/group.js";
import { measure } from "../lib/measure.js";
import { ratioAtMost, timeRow } from "../lib/row.js";

const TIMES = 500;

export const group: Group = {
  title: "Wrapping one file key",
  about:
    "The ratio is to one key generation and one agreement by the same backend, which every wrapping contains.",

  async run(scale) {
    const operations = scale.count(TIMES);
    const crypto = defaultProvider();
    const identity = await generateIdentity();
    const recipient = await importRecipient(identity.recipient.publicKey);
    const fileKey = globalThis.crypto.getRandomValues(new Uint8Array(32));
    const coreHash = globalThis.crypto.getRandomValues(new Uint8Array(32));
    const publicKey = await crypto.importX25519PublicKey(identity.recipient.publicKey);
    const [bare, wrapping] = await measure(
      [
        {
          name: "key generation and agreement",
          run: async () => {
            for (let i = 0; i < operations; i++) {
              const { privateKey } = await crypto.generateX25519();
              await crypto.agreeX25519(privateKey, publicKey);
            }
          },
        },
        {
          name: "wrap",
          run: async () => {
            for (let i = 0; i < operations; i++) await recipient.wrap(fileKey, { coreHash, crypto });
          },
        },
      ],
      scale,
    );
    const reference = { operations, result: bare! };
    const shape = { unit: "µs", operations } as const;
    return [
      timeRow("key generation and agreement", shape, bare!, reference),
      timeRow("wrap one file key", shape, wrapping!, reference, { target: ratioAtMost(1.5) }),
    ];
  },
};
