import { type CryptoProvider, defaultProvider } from "blindreel/crypto";
import { decodeHex } from "../../../src/formats/encoding.js";
import { type Bytes, pattern } from "./bytes.js";

/** Keys, a clock and randomness that never change, for files that must be the same bytes in every runtime. */

/** `length` bytes counting up from `first`: recognisable in a dump, and nobody's key. */
function counting(first: number, length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => (first + i) % 256);
}

export const NOW = new Date("2026-01-15T10:20:30Z");

export const RECIPIENT = {
  privateKey: counting(0xa0, 32),
  publicKey: decodeHex("605a725d2a4adfeeb1a29e17edd621c1b7593ee8cdbc44ac6c4ab6e2f805d23c"),
  /** Of the file that {@link fixedProvider} gives: what the first implementation wrote, and every other must. */
  fileSha256: "cded5af9e6a0d97bdee1c06227d369edd5fb0e3a7477503a472aef6e091a774e",
};

export const ED25519_SEED: Bytes = counting(0x40, 32);
export const ED25519_PUBLIC_KEY: Bytes = decodeHex(
  "2543b92ff1095511476adc8369db6ddc933665a11978dda1404ee1066ca9559d",
);

const EPHEMERAL = {
  privateKey: counting(0x80, 32),
  publicKey: decodeHex("493e82fc74464a59268817623d2053c5eb8e2cc4a988b4fee179ec6b010d531d"),
};

/** The runtime's own provider, but for its randomness: bytes that count up from the number of the call. */
export async function fixedProvider(): Promise<CryptoProvider> {
  const provider = defaultProvider();
  let calls = 0;
  return {
    ...provider,
    getRandomBytes: (length) => counting(16 * ++calls, length),
    async generateX25519() {
      const privateKey = await provider.importX25519(EPHEMERAL.privateKey);
      return { publicKey: EPHEMERAL.publicKey.slice(), privateKey };
    },
  };
}

/** A public key that nobody has the private half of: any canonical u but those of low order will do. */
export function strangerKey(index: number): Bytes {
  const key = pattern(32, index + 10);
  key[31]! &= 0x3f;
  return key;
}
