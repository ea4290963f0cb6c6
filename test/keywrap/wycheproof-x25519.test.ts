import { expect, it } from "vitest";
import { isAllZero } from "../../src/formats/bytes.js";
import { checkPublicKey } from "../../src/keywrap/curves.js";
import { checkedDh } from "../../src/keywrap/dhkem.js";
import { x25519Fault, x25519Group } from "../../src/keywrap/x25519.js";
import { backends } from "../helpers/backends.js";
import { fromHex, toHex } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";
import {
  describePublished,
  publishedVectors,
  type Wycheproof,
  type WycheproofTest,
} from "../helpers/published.js";

interface Test extends WycheproofTest {
  readonly public: string;
  readonly private: string;
  readonly shared: string;
}

/**
 * The rule, flag by flag. A key with any refused flag is refused, before a backend sees it; all others, those on the
 * twist included, must give the published secret (RFC 7748 §5 is defined on both curves, and the twist is secure).
 */
const RULES: Readonly<Record<string, "accepted" | "refused">> = {
  Normal: "accepted",
  Ktv: "accepted",
  EdgeCaseMultiplication: "accepted",
  EdgeCasePrivateKey: "accepted",
  EdgeCaseShared: "accepted",
  SpecialPublicKey: "accepted",
  Twist: "accepted",
  NonCanonicalPublic: "refused",
  LowOrderPublic: "refused",
  SmallPublicKey: "refused",
  ZeroSharedSecret: "refused",
};

/** The 256 bits as a number against p = 2^255 - 19; some low-order points of the file are so without a flag. */
function isAtLeastPrime(littleEndian: string): boolean {
  return BigInt(`0x${toHex(fromHex(littleEndian).reverse())}`) >= 2n ** 255n - 19n;
}

describePublished("Wycheproof X25519", () => {
  const { testGroups, numberOfTests } = publishedVectors<Wycheproof<object, Test>>("wycheproof-x25519.json");
  const tests = testGroups.flatMap((group) => group.tests);

  it("every flag has a rule", () => {
    expect(new Set(tests.flatMap((test) => test.flags))).toEqual(new Set(Object.keys(RULES)));
  });

  for (const backend of backends) {
    it(`all 518 on ${backend.name}: twist accepted, non-canonical and low order refused (E1, E2)`, async () => {
      const count = { accepted: 0, nonCanonical: 0, lowOrder: 0 };
      for (const test of tests) {
        const publicKey = fromHex(test.public);
        if (test.flags.some((flag) => RULES[flag] === "refused")) {
          expect(test.result).toBe("acceptable");
          const { message } = await expectCode(() => checkPublicKey("X25519", publicKey), "invalid-key");
          const isNonCanonical = isAtLeastPrime(test.public);
          expect(message, `tcId ${test.tcId}`).toMatch(isNonCanonical ? /canonically/ : /low order/);
          count[isNonCanonical ? "nonCanonical" : "lowOrder"]++;
          continue;
        }
        expect(isAtLeastPrime(test.public)).toBe(false);
        expect(x25519Fault(publicKey), `tcId ${test.tcId}`).toBeUndefined();
        const privateKey = await backend.importX25519(fromHex(test.private));
        const peer = await backend.importX25519PublicKey(checkPublicKey("X25519", publicKey));
        const secret = await checkedDh(backend, x25519Group, privateKey, peer);
        expect(toHex(secret), `tcId ${test.tcId}`).toBe(test.shared);
        count.accepted++;
      }
      expect(count).toEqual({ accepted: 474, nonCanonical: 29, lowOrder: 15 });
      expect(numberOfTests).toBe(518);
    });

    it(`${backend.name} lets no zero secret through where the check of the point is bypassed (E1)`, async () => {
      const zeros = tests.filter((test) => test.flags.includes("ZeroSharedSecret"));
      expect(zeros.length).toBeGreaterThan(20);
      for (const test of zeros) {
        let secret: Uint8Array<ArrayBuffer>;
        try {
          const privateKey = await backend.importX25519(fromHex(test.private));
          secret = await backend.agreeX25519(
            privateKey,
            await backend.importX25519PublicKey(fromHex(test.public)),
          );
        } catch {
          continue; // The backend refuses by itself, which is as good.
        }
        expect(isAllZero(secret)).toBe(true);
        expect(x25519Group.sharedSecretFault(secret)).toMatch(/all-zero/);
      }
    });
  }
});
