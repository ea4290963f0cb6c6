import { generateIdentity, importRecipient } from "blindreel";
import { defaultProvider } from "blindreel/crypto";
import { measure } from "./lib/measure.js";
import { limitRow, type Row } from "./lib/report.js";

const TIMES = 500;

/** Wrapping one file key, against the key generation and the agreement that it contains, by the same backend. */
export async function wrap(rounds: number): Promise<Row[]> {
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
          for (let i = 0; i < TIMES; i++) {
            const { privateKey } = await crypto.generateX25519();
            await crypto.agreeX25519(privateKey, publicKey);
          }
        },
      },
      {
        name: "wrap",
        run: async () => {
          for (let i = 0; i < TIMES; i++) await recipient.wrap(fileKey, { coreHash, crypto });
        },
      },
    ],
    rounds,
  );
  const micros = (median: number) => `${((median * 1000) / TIMES).toFixed(1)} µs`;
  const ratio = wrapping!.median / bare!.median;
  const value = `${micros(wrapping!.median)} / ${micros(bare!.median)}`;
  return [limitRow("wrap one file key / key generation and agreement", value, ratio, 1.5)];
}
