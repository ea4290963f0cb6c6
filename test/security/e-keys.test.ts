/**
 * E1 to E3: weak and mistaken keys, through every import path and on every backend. RFC 7748 §6.1; Cremers, Jackson,
 * "Prime, Order Please! Revisiting Small Subgroup and Invalid Curve Attacks" (CSF 2019).
 */
import { describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";

import { generateIdentity, identityFromAgreement, importRecipient, open, seal } from "../../src/index.js";
import { backends } from "../helpers/backends.js";
import { expectCode } from "../helpers/errors.js";
import { publicJwk, publicPem } from "../helpers/keys.js";

const P = 2n ** 255n - 19n;

function littleEndian(value: bigint): Bytes {
  const hex = value.toString(16).padStart(64, "0");
  return new Uint8Array(Buffer.from(hex, "hex").reverse());
}

const LOW_ORDER = [
  0n,
  1n,
  P - 1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
];
/** Everything from p to 2^255 - 1, and low and ordinary points with the top bit set. */
const NON_CANONICAL = [
  ...Array.from({ length: 19 }, (_, i) => P + BigInt(i)),
  ...[...LOW_ORDER, 9n, 2n ** 255n - 1n].map((value) => value + 2n ** 255n),
];

const paths: Record<string, (publicKey: Bytes, crypto: (typeof backends)[number]) => Promise<unknown>> = {
  bytes: (publicKey, crypto) => importRecipient(publicKey, { crypto }),
  "a pooled Buffer": (publicKey, crypto) => importRecipient(Buffer.from(publicKey), { crypto }),
  "a JWK": (publicKey, crypto) => importRecipient(publicJwk(publicKey), { crypto }),
  "JWK text": (publicKey, crypto) => importRecipient(JSON.stringify(publicJwk(publicKey)), { crypto }),
  PEM: (publicKey, crypto) => importRecipient(publicPem(publicKey), { crypto }),
  "a CryptoKey": async (publicKey, crypto) => {
    const key = await globalThis.crypto.subtle.importKey("raw", publicKey, { name: "X25519" }, true, []);
    return importRecipient(key, { crypto });
  },
  "an agreement": (publicKey, crypto) => identityFromAgreement(publicKey, async () => publicKey, { crypto }),
};

describe.each(backends)("on $name", (crypto) => {
  it.each(Object.entries(paths))(
    "E1, E2 weak and non-canonical points are refused as %s",
    async (_, importKey) => {
      for (const u of LOW_ORDER) {
        const { message } = await expectCode(() => importKey(littleEndian(u), crypto), "invalid-key");
        expect(message).toMatch(/low order/);
      }
      for (const u of NON_CANONICAL) {
        const { message } = await expectCode(() => importKey(littleEndian(u), crypto), "invalid-key");
        expect(message).toMatch(/canonical/);
      }
    },
  );

  it("E2 the neighbours of what is refused are keys like any other", async () => {
    for (const u of [2n, 3n, P - 2n, P - 3n, LOW_ORDER[3]! + 1n, LOW_ORDER[4]! - 1n]) {
      const recipient = await importRecipient(littleEndian(u), { crypto });
      await seal(new Uint8Array(3), { to: recipient, crypto });
    }
  });

  it("E1 a zero shared secret is refused where a backend was talked into one", async () => {
    const identity = await generateIdentity({ crypto });
    const file = await seal(new Uint8Array(3), { to: identity.recipient, crypto });
    const zeros = { ...crypto, agreeX25519: () => new Uint8Array(32) };
    await expectCode(() => seal(new Uint8Array(3), { to: identity.recipient, crypto: zeros }), "invalid-key");
    await expectCode(() => open(file, { identities: identity, crypto: zeros }), "authentication-failed");
    await expectCode(() => generateIdentity({ crypto: zeros }), "invalid-key");
  });
});

describe("E3 text too long for a key", () => {
  it.each([
    ["a long string", `{"kty":"${"a".repeat(5e6)}"}`, "invalid-key"],
    ["a long string of escapes", `{"kty":"${"\\n".repeat(5e6)}"}`, "invalid-key"],
    ["a long name", `{"${"a".repeat(5e6)}":1}`, "invalid-key"],
    ["many members", `{${Array.from({ length: 1e5 }, (_, i) => `"${i}":${i}`).join(",")}}`, "invalid-key"],
    ["deep nesting", "[".repeat(1e6), "invalid-key"],
    ["deep nesting that is closed", `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`, "invalid-json"],
    ["deep nesting that is not", `{"a":${"[".repeat(60_000)}`, "invalid-json"],
    ["white space", `${" ".repeat(5e6)}x`, "invalid-key"],
    ["white space within the ceiling", `${" ".repeat(60_000)}x`, "invalid-key"],
    ["a PEM without an end", `-----BEGIN PUBLIC KEY-----\n${"A".repeat(5e6)}`, "invalid-key"],
    ["a PEM of dashes", `-----BEGIN PUBLIC KEY-----\n${"-".repeat(5e6)}`, "invalid-key"],
    ["a PEM of line ends", `-----BEGIN PUBLIC KEY-----\n${"\r\n".repeat(2e6)}`, "invalid-key"],
  ] as const)("%s is refused in bounded time", async (_, text, code) => {
    const started = performance.now();
    await expectCode(() => importRecipient(text), code);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
