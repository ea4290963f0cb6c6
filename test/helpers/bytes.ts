import type { CryptoProvider } from "../../src/crypto/provider.js";
import type { Bytes } from "../../src/formats/bytes.js";

export { collect, cut, drain, generator, pattern } from "../runtimes/suite/bytes.js";

/** Hex as test vectors write it; throws on odd lengths and other characters. */
export function fromHex(text: string): Bytes {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new Error(`not hex: ${text.slice(0, 40)}`);
  return new Uint8Array(Buffer.from(text, "hex"));
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The seed of this run: given by BLINDREEL_SEED, else fresh. Suites that draw at random print it. */
export const SEED = Number(process.env.BLINDREEL_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** `provider` with a random source that returns what it is told, in turn, and throws when asked for more. */
export function withRandom(provider: CryptoProvider, ...answers: readonly Bytes[]): CryptoProvider {
  const left = [...answers];
  return {
    ...provider,
    getRandomBytes() {
      const answer = left.shift();
      if (!answer) throw new Error("the test's random source has run out");
      return answer.slice();
    },
  };
}

/** Compares long byte strings without vitest's slow element-wise diff. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(actual, expected) === 0;
}

/** Throws where they differ, saying where first. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array, what = "bytes"): void {
  if (sameBytes(actual, expected)) return;
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} bytes where ${expected.length} were expected`);
  }
  throw new Error(`${what}: differ first at byte ${actual.findIndex((byte, i) => byte !== expected[i])}`);
}
